/* SPDX-License-Identifier: Apache-2.0
   Min: the smallest of the inputs, element by element, broadcast. NaN in any input gives NaN.
   Quantized values are compared as they are stored. */
#include "ops/shared/arithmetic.h"
#include "ops/shared/same_scale.h"

BT_ROW2_KERNEL(row_f32, BT_MIN)
BT_ROW2(row_f64, double, double, a != a || a < b ? a : b)
BT_ROWS2_SIGNED(row, a < b ? a : b)
BT_ROWS2_UNSIGNED(row, a < b ? a : b)
static const bt_row2_fn rows[BT_DTYPE_COUNT] = {BT_OF_NUMBER(row)};

static bt_status infer(bt_call* c) { return bt_variadic_infer(c, BT_TYPES_NUMBER); }
static bt_status prepare(bt_call* c) { return bt_same_scale_prepare(c, 0); }
static bt_status run(bt_call* c) {
  return bt_variadic_run_on(c, bt_same_scale_run(c), rows[c->in[0]->dtype]);
}

const bt_op bt_op_min = {
    .name = "Min", .summary = "The smallest of several numbers, element by element.",
    .in_min = 1, .in_max = BT_MANY, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_JOIN, .infer = infer,
    .prepare = prepare, .run = run};
