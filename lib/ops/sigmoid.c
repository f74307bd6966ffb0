/* SPDX-License-Identifier: Apache-2.0
   Sigmoid: y = 1 / (1 + exp(-x)). */
#include "kernels/kernels.h"
#include "kernels/math_f64.h"
#include "ops/shared/elementwise.h"

static void row(const bt_call* c, const float* x, float* y, size_t n) {
  bt_call_kernels(c)->unary[BT_SIGMOID](x, y, n);
}
static double one(const bt_call* c, double x) {
  (void)c;
  return 1.0 / (1.0 + bt_exp(-x));
}
static bt_status infer(bt_call* c) { return bt_unary_infer(c, BT_TYPES_FLOAT); }
static bt_status prepare(bt_call* c) { return bt_unary_prepare(c, row); }
static bt_status run(bt_call* c) { return bt_unary_run(c, row, one); }

const bt_op bt_op_sigmoid = {
    .name = "Sigmoid", .summary = "The logistic function, 1 / (1 + exp(-x)).", .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_TABLE,
    .infer = infer, .prepare = prepare, .run = run};
