/* SPDX-License-Identifier: Apache-2.0
   Gelu: y = x/2 * (1 + erf(x / sqrt 2)), or with approximate = "tanh"
   y = x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))). */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

enum { APPROXIMATE };
static const bt_attr_spec attrs[] = {
    {.name = "approximate", .kind = BT_ENUM, .words = "none|tanh"}, {0}};

static double one(const bt_call* c, double v) {
  const double root_half = 0x1.6a09e667f3bcdp-1, root_2_over_pi = 0x1.9884533d43651p-1;
  const double bend = c->attr[APPROXIMATE].i ? bt_tanh(root_2_over_pi * (v + 0.044715 * v * v * v))
                                             : bt_erf(v * root_half);
  return 0.5 * v * (1.0 + bend);
}
BT_ROW_KERNEL(c->attr[APPROXIMATE].i ? BT_GELU_TANH : BT_GELU)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_gelu = {
    BT_UNARY_FIELDS, .name = "Gelu", .attrs = attrs,
    .summary = "x times the normal distribution up to x, or its approximation by tanh."};
