/* SPDX-License-Identifier: Apache-2.0
   Sum: the sum of all inputs, element by element, broadcast; added from the first on. */
#include "ops/shared/arithmetic.h"

BT_ROW2_KERNEL(row_f32, BT_ADD)
BT_ROW2(row_f64, double, double, a + b)

static bt_status infer(bt_call* c) { return bt_variadic_infer(c, BT_TYPES_FLOAT); }
static bt_status run(bt_call* c) {
  return bt_variadic_run(c, c->in[0]->dtype == BT_F32 ? row_f32 : row_f64);
}

const bt_op bt_op_sum = {
    .name = "Sum", .summary = "Sum of several tensors, element by element.", .in_min = 1,
    .in_max = BT_MANY, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
