/* SPDX-License-Identifier: Apache-2.0
   LeakyRelu: y = x for x >= 0, alpha * x below. */
#include "kernels/math_f32.h"
#include "ops/shared/elementwise.h"

enum { ALPHA };
static const bt_attr_spec attrs[] = {{.name = "alpha", .kind = BT_FLOAT, .f = 0.01f}, {0}};

static void row(const bt_call* c, const float* x, float* y, size_t n) {
  const float alpha = c->attr[ALPHA].f;
  for (size_t i = 0; i < n; ++i) y[i] = bt_select_f32(x[i] < 0.0f, alpha * x[i], x[i]);
}
static double one(const bt_call* c, double x) { return x < 0 ? (double)c->attr[ALPHA].f * x : x; }
static bt_status infer(bt_call* c) { return bt_unary_infer(c, BT_TYPES_FLOAT); }
static bt_status prepare(bt_call* c) { return bt_unary_prepare(c, row); }
static bt_status run(bt_call* c) { return bt_unary_run(c, row, one); }

const bt_op bt_op_leaky_relu = {
    .name = "LeakyRelu", .summary = "The identity above 0, alpha * x below.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_TABLE,
    .infer = infer, .prepare = prepare, .run = run};
