/* SPDX-License-Identifier: Apache-2.0
   HannWindow: 1/2 - 1/2 cos(2 pi k / N),
   of input 0 elements (periodic=0: symmetric). */
#include "ops/shared/cosine_window.h"

static const bt_attr_spec attrs[] = {BT_COSINE_WINDOW_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_cosine_window(c, 0.5, 0.5, 0); }

const bt_op bt_op_hann_window = {
    BT_COSINE_WINDOW_FIELDS, .name = "HannWindow", .summary = "The Hann window.", .run = run};
