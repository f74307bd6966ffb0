/* SPDX-License-Identifier: Apache-2.0
   BlackmanWindow: 0.42 - 0.5 cos(2 pi k / N) + 0.08 cos(4 pi k / N),
   of input 0 elements (periodic=0: symmetric). */
#include "ops/shared/cosine_window.h"

static const bt_attr_spec attrs[] = {BT_COSINE_WINDOW_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_cosine_window(c, 0.42, 0.5, 0.08); }

const bt_op bt_op_blackman_window = {
    BT_COSINE_WINDOW_FIELDS, .name = "BlackmanWindow",
    .summary = "The Blackman window.", .run = run};
