/* SPDX-License-Identifier: Apache-2.0
   Greater: y = 1 where a > b, else 0; broadcast. A comparison with NaN is 0. */
#include "ops/shared/elementwise.h"

BT_ROWS2_TO(row, uint8_t, a > b)
static const bt_row2_fn rows[BT_DTYPE_COUNT] = {BT_OF_NUMBER(row)};

static bt_status infer(bt_call* c) { return bt_binary_infer(c, BT_TYPES_NUMBER, BT_BOOL); }
static bt_status run(bt_call* c) {
  bt_binary_run(c, c->in[0], c->in[1], c->out[0], rows[c->in[0]->dtype]);
  return BT_OK;
}

const bt_op bt_op_greater = {
    .name = "Greater", .summary = "Where a is above b.", .in_min = 2, .in_max = 2,
    .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
