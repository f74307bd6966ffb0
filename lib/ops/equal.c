/* SPDX-License-Identifier: Apache-2.0
   Equal: y = 1 where a == b, else 0; broadcast. A comparison with NaN is 0. */
#include "ops/shared/elementwise.h"

BT_ROWS2_TO(row, uint8_t, a == b)
BT_ROW2(row_bool, uint8_t, uint8_t, (a != 0) == (b != 0))
static const bt_row2_fn rows[BT_DTYPE_COUNT] = {BT_OF_NUMBER(row), [BT_BOOL] = row_bool};

static bt_status infer(bt_call* c) {
  return bt_binary_infer(c, BT_TYPES_NUMBER | BT_BIT(BT_BOOL), BT_BOOL);
}
static bt_status run(bt_call* c) {
  bt_binary_run(c, c->in[0], c->in[1], c->out[0], rows[c->in[0]->dtype]);
  return BT_OK;
}

const bt_op bt_op_equal = {
    .name = "Equal", .summary = "Where a equals b.", .in_min = 2, .in_max = 2,
    .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
