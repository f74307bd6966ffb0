/* SPDX-License-Identifier: Apache-2.0
   Celu: y = max(x, 0) + min(alpha * (e^(x / alpha) - 1), 0). NaN stays. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

enum { ALPHA };
static const bt_attr_spec attrs[] = {{.name = "alpha", .kind = BT_FLOAT, .f = 1}, {0}};

static double one(const bt_call* c, double v) {
  const double alpha = (double)c->attr[ALPHA].f, bent = alpha * bt_expm1(v / alpha);
  return v != v ? v : (v > 0 ? v : 0) + (bent < 0 ? bent : 0);
}
static float join(float v, float bent) {
  return v != v ? v : (v > 0.0f ? v : 0.0f) + (bent < 0.0f ? bent : 0.0f);
}
BT_ROW_THROUGH(BT_TANH, const float alpha = c->attr[ALPHA].f, 0.5f * (v / alpha),
               join(v, alpha * bt_expm1_of_tanh(u)))

static bt_status infer(bt_call* c) {
  if (c->attr[ALPHA].f == 0.0f)
    return bt_fail(c, BT_BAD_INPUT, "alpha is 0, but x is divided by it");
  return bt_unary_infer(c, BT_TYPES_FLOAT);
}
static bt_status prepare(bt_call* c) { return bt_unary_prepare(c, row); }
static bt_status run(bt_call* c) { return bt_unary_run(c, row, one); }

const bt_op bt_op_celu = {
    BT_UNARY_FIELDS_EXTRA, .name = "Celu", .attrs = attrs,
    .summary = "x above 0, alpha * (e^(x / alpha) - 1) below."};
