/* SPDX-License-Identifier: Apache-2.0
   Or: y = a or b, of bools, broadcast. */
#include "ops/shared/elementwise.h"

BT_ROW2(row, uint8_t, uint8_t, a || b)

static bt_status infer(bt_call* c) { return bt_binary_infer(c, BT_BIT(BT_BOOL), BT_NONE); }
static bt_status run(bt_call* c) {
  bt_binary_run(c, c->in[0], c->in[1], c->out[0], row);
  return BT_OK;
}

const bt_op bt_op_or = {
    .name = "Or", .summary = "Where one of two bools is true, or both.", .in_min = 2, .in_max = 2,
    .out_min = 1, .out_max = 1, .flags = BT_OP_INPLACE, .layout = BT_LAYOUT_ELEMENTWISE,
    .infer = infer, .run = run};
