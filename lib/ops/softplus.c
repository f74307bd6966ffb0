/* SPDX-License-Identifier: Apache-2.0
   Softplus: y = log(1 + e^x), computed as max(x, 0) + log(1 + e^-|x|). In floats log(1 + e) of a
   small e is e * log(u) / (u - 1) with u = 1 + e rounded, where the rounding of u cancels. */
#include "kernels/kernels.h"
#include "kernels/math_f32.h"
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(v > 0 ? v + bt_log1p(bt_exp(-v)) : bt_log1p(bt_exp(v)))

static float join(float v, float e, float log_u) {
  const float u = 1.0f + e;
  return (v > 0.0f ? v : 0.0f) + (u == 1.0f ? e : e * log_u / (u - 1.0f));
}

static void row(const bt_call* c, const float* x, float* y, size_t n) {
  const bt_kernels* k = bt_call_kernels(c);
  float e[BT_ROW_BLOCK], log_u[BT_ROW_BLOCK];
  for (size_t at = 0; at < n; at += BT_ROW_BLOCK) {
    const size_t count = n - at < BT_ROW_BLOCK ? n - at : BT_ROW_BLOCK;
    for (size_t i = 0; i < count; ++i) e[i] = -bt_abs_f32(x[at + i]);
    k->unary[BT_EXP](e, e, count);
    for (size_t i = 0; i < count; ++i) log_u[i] = 1.0f + e[i];
    k->unary[BT_LOG](log_u, log_u, count);
    for (size_t i = 0; i < count; ++i) y[at + i] = join(x[at + i], e[i], log_u[i]);
  }
}

BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_softplus = {BT_UNARY_FIELDS, .name = "Softplus", .summary = "log(1 + e^x)."};
