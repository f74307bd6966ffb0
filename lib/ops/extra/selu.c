/* SPDX-License-Identifier: Apache-2.0
   Selu: y = gamma * x above 0, gamma * alpha * (e^x - 1) below. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

enum { ALPHA, GAMMA };
static const bt_attr_spec attrs[] = {
    {.name = "alpha", .kind = BT_FLOAT, .f = 1.67326319217681884765625f},
    {.name = "gamma", .kind = BT_FLOAT, .f = 1.05070102214813232421875f},
    {0}};

BT_ONE((double)c->attr[GAMMA].f * (v > 0 ? v : (double)c->attr[ALPHA].f * bt_expm1(v)))
BT_ROW_THROUGH(BT_TANH, const float alpha = c->attr[ALPHA].f; const float gamma = c->attr[GAMMA].f,
               0.5f * v, gamma * (v > 0.0f ? v : alpha * bt_expm1_of_tanh(u)))
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_selu = {
    BT_UNARY_FIELDS_EXTRA, .name = "Selu", .attrs = attrs,
    .summary = "gamma * x above 0, gamma * alpha * (e^x - 1) below."};
