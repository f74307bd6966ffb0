/* SPDX-License-Identifier: Apache-2.0
   HammingWindow: 25/46 - 21/46 cos(2 pi k / N),
   of input 0 elements (periodic=0: symmetric). */
#include "ops/shared/cosine_window.h"

static const bt_attr_spec attrs[] = {BT_COSINE_WINDOW_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_cosine_window(c, 25.0 / 46.0, 21.0 / 46.0, 0); }

const bt_op bt_op_hamming_window = {
    BT_COSINE_WINDOW_FIELDS, .name = "HammingWindow", .summary = "The Hamming window.", .run = run};
