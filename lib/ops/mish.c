/* SPDX-License-Identifier: Apache-2.0
   Mish: y = x * tanh(log(1 + e^x)). In floats with e = e^x and n = e * (e + 2) that is
   x * n / (n + 2); from 20 on n / (n + 2) is 1. */
#include "kernels/kernels.h"
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(v * bt_tanh(bt_log1p(bt_exp(v))))
static float gate(float e) {
  const float n = e * (e + 2.0f);
  return n / (n + 2.0f);
}
BT_ROW_THROUGH(BT_EXP, , v > 20.0f ? 20.0f : v, v * gate(u))
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_mish = {BT_UNARY_FIELDS, .name = "Mish", .summary = "x * tanh(softplus(x))."};
