/* SPDX-License-Identifier: Apache-2.0
   GlobalMaxPool: the largest element of every channel of every image. */
#include "ops/shared/reduce.h"
#include "ops/shared/window.h"

enum { LAYOUT };
static const bt_attr_spec attrs[] = {
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1}, {0}};
static const bt_reduction reduction = {.fold = BT_FOLD_MAX};

static bt_status infer(bt_call* c) { return bt_global_infer(c, BT_TYPES_FLOAT, LAYOUT); }
static bt_status run(bt_call* c) { return bt_global_run(c, &reduction, LAYOUT); }

const bt_op bt_op_global_max_pool = {
    .name = "GlobalMaxPool", .summary = "The largest element of every channel.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_SAME, .infer = infer, .run = run};
