/* SPDX-License-Identifier: Apache-2.0
   Swish: y = x * sigmoid(alpha * x). */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

enum { ALPHA };
static const bt_attr_spec attrs[] = {{.name = "alpha", .kind = BT_FLOAT, .f = 1}, {0}};

BT_ONE(v / (1.0 + bt_exp(-(double)c->attr[ALPHA].f * v)))
BT_ROW_THROUGH(BT_SIGMOID, const float alpha = c->attr[ALPHA].f, alpha * v, v * u)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_swish = {
    BT_UNARY_FIELDS, .name = "Swish", .attrs = attrs,
    .summary = "x * sigmoid(alpha * x)."};
