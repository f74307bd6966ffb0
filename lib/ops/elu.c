/* SPDX-License-Identifier: Apache-2.0
   Elu: y = x from 0 on, alpha * (e^x - 1) below. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

enum { ALPHA };
static const bt_attr_spec attrs[] = {{.name = "alpha", .kind = BT_FLOAT, .f = 1}, {0}};

BT_ONE(v < 0 ? (double)c->attr[ALPHA].f * bt_expm1(v) : v)
BT_ROW_THROUGH(BT_TANH, const float alpha = c->attr[ALPHA].f, 0.5f * v,
               v < 0.0f ? alpha * bt_expm1_of_tanh(u) : v)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_elu = {
    BT_UNARY_FIELDS, .name = "Elu", .attrs = attrs,
    .summary = "x above 0, alpha * (e^x - 1) below."};
