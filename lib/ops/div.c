/* SPDX-License-Identifier: Apache-2.0
   Div: y = clamp(a / b), broadcast. Integers are truncated towards 0; a divisor of 0 is an error,
   and the lowest integer divided by -1 wraps around to itself. */
#include <math.h>

#include "ops/shared/arithmetic.h"

static const bt_attr_spec attrs[] = {BT_CLAMP_ATTRS, {0}};

BT_ROW2_KERNEL(row_f32, BT_DIV)
BT_ROW2(row_f64, double, double, a / b)
BT_ROWS2_SIGNED(row, b == -1 ? 0 - (uint64_t)a : (uint64_t)(a / b))
BT_ROWS2_UNSIGNED(row, a / b)
static const bt_row2_fn rows[BT_DTYPE_COUNT] = {BT_OF_NUMBER(row)};

static bt_status run(bt_call* c) {
  if (bt_is_int(c->in[1]->dtype)) BT_TRY(bt_need_divisor(c, 1));
  return bt_arithmetic_run(c, rows[c->in[0]->dtype]);
}

const bt_op bt_op_div = {
    .name = "Div", .summary = "Quotient of two tensors, broadcast, with a fused clamp.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
    .flags = BT_OP_HALF | BT_OP_INPLACE, .layout = BT_LAYOUT_ELEMENTWISE,
    .infer = bt_arithmetic_infer, .run = run};
