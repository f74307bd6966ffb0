/* SPDX-License-Identifier: Apache-2.0
   Not: y = 1 where the bool x is 0, else 0. */
#include "ops/shared/elementwise.h"

BT_MAP(row, uint8_t, uint8_t, uint8_t, v == 0)

static bt_status infer(bt_call* c) { return bt_unary_infer(c, BT_BIT(BT_BOOL)); }
static bt_status run(bt_call* c) { return bt_map_run(c, row); }

const bt_op bt_op_not = {
    .name = "Not", .summary = "Logical negation.", .in_min = 1, .in_max = 1, .out_min = 1,
    .out_max = 1, .flags = BT_OP_INPLACE, .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer,
    .run = run};
