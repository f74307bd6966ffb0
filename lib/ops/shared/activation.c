/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/shared/activation.h"

#include "kernels/kernels.h"
#include "kernels/math_f32.h"
#include "kernels/math_f64.h"

enum { ALPHA = 1, BETA = 2 };
static const struct {
  const char* name; /* in small letters */
  float alpha, beta;
  int uses;
} functions[BT_ACT_COUNT] = {
    [BT_ACT_AFFINE] = {"affine", 1, 0, ALPHA | BETA},
    [BT_ACT_ELU] = {"elu", 1, 0, ALPHA},
    [BT_ACT_HARD_SIGMOID] = {"hardsigmoid", 0.2f, 0.5f, ALPHA | BETA},
    [BT_ACT_LEAKY_RELU] = {"leakyrelu", 0.01f, 0, ALPHA},
    [BT_ACT_RELU] = {"relu", 0, 0, 0},
    [BT_ACT_SCALED_TANH] = {"scaledtanh", 1, 1, ALPHA | BETA},
    [BT_ACT_SIGMOID] = {"sigmoid", 0, 0, 0},
    [BT_ACT_SOFTPLUS] = {"softplus", 0, 0, 0},
    [BT_ACT_SOFTSIGN] = {"softsign", 0, 0, 0},
    [BT_ACT_TANH] = {"tanh", 0, 0, 0},
    [BT_ACT_THRESHOLDED_RELU] = {"thresholdedrelu", 1, 0, ALPHA}};

static int same_word(const char* small, const char* any) {
  for (; *small && *any; ++small, ++any) {
    const char letter = *any >= 'A' && *any <= 'Z' ? (char)(*any - 'A' + 'a') : *any;
    if (letter != *small) return 0;
  }
  return *small == *any;
}

int bt_activation_named(const char* name, bt_activation* a, int* uses) {
  for (int i = 0; i < BT_ACT_COUNT; ++i) {
    if (!same_word(functions[i].name, name)) continue;
    *a = (bt_activation){(bt_activation_kind)i, functions[i].alpha, functions[i].beta};
    *uses = functions[i].uses;
    return 1;
  }
  return 0;
}

static float softplus(float v) {
  const double x = (double)v;
  return (float)(x > 0 ? x + bt_log1p(bt_exp(-x)) : bt_log1p(bt_exp(x)));
}

#define EACH(expression)             \
  for (size_t i = 0; i < n; ++i) {   \
    const float v = x[i];            \
    x[i] = (expression);             \
  }                                  \
  break

void bt_activate(const bt_kernels* k, const bt_activation* a, float* x, size_t n) {
  const float alpha = a->alpha, beta = a->beta;
  switch (a->kind) {
    case BT_ACT_SIGMOID: k->unary[BT_SIGMOID](x, x, n); break;
    case BT_ACT_TANH: k->unary[BT_TANH](x, x, n); break;
    case BT_ACT_RELU: k->unary[BT_RELU](x, x, n); break;
    case BT_ACT_AFFINE: EACH(alpha * v + beta);
    case BT_ACT_ELU: EACH(v < 0.0f ? (float)((double)alpha * bt_expm1((double)v)) : v);
    case BT_ACT_HARD_SIGMOID: EACH(bt_clamp_f32(alpha * v + beta, 0.0f, 1.0f));
    case BT_ACT_LEAKY_RELU: EACH(v < 0.0f ? alpha * v : v);
    case BT_ACT_SCALED_TANH: EACH(alpha * bt_tanhf(beta * v));
    case BT_ACT_SOFTPLUS: EACH(softplus(v));
    case BT_ACT_SOFTSIGN: EACH(v / (1.0f + bt_abs_f32(v)));
    case BT_ACT_THRESHOLDED_RELU: EACH(v > alpha || v != v ? v : 0.0f);
    case BT_ACT_COUNT: break;
  }
}
