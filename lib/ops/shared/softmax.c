/* SPDX-License-Identifier: Apache-2.0
   softmax(x) = e^(x - max) / sum, and log softmax(x) = (x - max) - log(sum). */
#include "ops/shared/softmax.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/math_f32.h"
#include "kernels/math_f64.h"

#define COLUMNS 256

void bt_softmax_row(const bt_kernels* k, const float* x, float* y, size_t n, int logarithm) {
  const float most = k->max_of(x, n);
  const float sum = k->sum_exp(y, x, n, most);
  if (!logarithm) {
    k->binary[BT_DIV](y, &sum, y, n, BT_B_ONE);
    return;
  }
  const float log_sum = bt_logf(sum);
  k->binary[BT_SUB](x, &most, y, n, BT_B_ONE);
  k->binary[BT_SUB](y, &log_sum, y, n, BT_B_ONE);
}

/* Rows of up to SHORT elements are turned into columns: a kernel call for each of them would cost
   more than its work. A row sums up as in bt_softmax_row: every element has a chain of its own. */
#define SHORT 16
#define LINES 64

static void short_rows(const bt_kernels* k, const float* x, float* y, size_t n, size_t count,
                       int logarithm) {
  float value[SHORT][LINES], sum[SHORT][LINES], most[LINES];
  for (size_t r = 0; r < count; ++r)
    for (size_t i = 0; i < n; ++i) value[i][r] = x[r * n + i];
  memcpy(most, value[0], count * sizeof *most);
  for (size_t i = 1; i < n; ++i) k->binary[BT_MAX](value[i], most, most, count, BT_BOTH);
  for (size_t i = 0; i < n; ++i) {
    k->binary[BT_SUB](value[i], most, value[i], count, BT_BOTH);
    k->unary[BT_EXP](value[i], sum[i], count);
    if (!logarithm) memcpy(value[i], sum[i], count * sizeof *most);
  }
  for (size_t half = SHORT / 2; half > 0; half /= 2)
    for (size_t i = 0; i < half && i + half < n; ++i)
      k->binary[BT_ADD](sum[i], sum[i + half], sum[i], count, BT_BOTH);
  if (logarithm) k->unary[BT_LOG](sum[0], sum[0], count);
  for (size_t i = 0; i < n; ++i)
    k->binary[logarithm ? BT_SUB : BT_DIV](value[i], sum[0], value[i], count, BT_BOTH);
  for (size_t r = 0; r < count; ++r)
    for (size_t i = 0; i < n; ++i) y[r * n + i] = value[i][r];
}

/* Neighbouring columns, n elements that are `step` apart in each: one chain per column. */
static void columns_f32(const bt_kernels* k, const float* x, float* y, int64_t n, int64_t step,
                        size_t count, int logarithm) {
  float most[COLUMNS], sum[COLUMNS];
  for (size_t i = 0; i < count; ++i) most[i] = -INFINITY, sum[i] = 0.0f;
  for (int64_t r = 0; r < n; ++r) {
    const float* row = x + r * step;
    k->max_f32(&row, 1, most, count);
  }
  for (int64_t r = 0; r < n; ++r) {
    float* to = y + r * step;
    k->binary[BT_SUB](x + r * step, most, to, count, BT_BOTH);
    k->unary[BT_EXP](to, to, count);
    k->binary[BT_ADD](sum, to, sum, count, BT_BOTH);
  }
  if (logarithm) k->unary[BT_LOG](sum, sum, count);
  for (int64_t r = 0; r < n; ++r) {
    float* to = y + r * step;
    if (logarithm) k->binary[BT_SUB](x + r * step, most, to, count, BT_BOTH);
    k->binary[logarithm ? BT_SUB : BT_DIV](to, sum, to, count, BT_BOTH);
  }
}

static void column_f64(const double* x, double* y, int64_t n, int64_t step, int logarithm) {
  double most = -INFINITY, sum = 0.0;
  for (int64_t i = 0; i < n; ++i)
    if (x[i * step] > most || x[i * step] != x[i * step]) most = x[i * step];
  for (int64_t i = 0; i < n; ++i) sum += bt_exp(x[i * step] - most);
  const double log_sum = bt_log(sum);
  for (int64_t i = 0; i < n; ++i) {
    const double v = x[i * step] - most;
    y[i * step] = logarithm ? v - log_sum : bt_exp(v) / sum;
  }
}

typedef struct job {
  const bt_kernels* k;
  const void* x;
  void* y;
  bt_axis axis;
  int is_f64, logarithm;
} job;

/* Parts are rows, or blocks of columns. */
static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_axis a = j->axis;
  const int64_t blocks = (a.inner + COLUMNS - 1) / COLUMNS;
  (void)thread;
  if (!j->is_f64 && a.inner == 1 && a.n <= SHORT) {
    for (int64_t i = begin; i < end; i += LINES)
      short_rows(j->k, (const float*)j->x + i * a.n, (float*)j->y + i * a.n, (size_t)a.n,
                 (size_t)(end - i < LINES ? end - i : LINES), j->logarithm);
    return;
  }
  for (int64_t i = begin; i < end; ++i) {
    const int64_t first = i % blocks * COLUMNS, at = i / blocks * a.n * a.inner + first;
    const int64_t count = a.inner - first < COLUMNS ? a.inner - first : COLUMNS;
    const float* x = (const float*)j->x + at;
    float* y = (float*)j->y + at;
    if (j->is_f64)
      for (int64_t q = at; q < at + count; ++q)
        column_f64((const double*)j->x + q, (double*)j->y + q, a.n, a.inner, j->logarithm);
    else if (a.inner == 1)
      bt_softmax_row(j->k, x, y, (size_t)a.n, j->logarithm);
    else
      columns_f32(j->k, x, y, a.n, a.inner, (size_t)count, j->logarithm);
  }
}

void bt_softmax(bt_call* c, const bt_tensor* x, bt_tensor* y, bt_axis axis, int logarithm) {
  job j = {.k = bt_call_kernels(c), .x = x->data, .y = y->data, .axis = axis,
           .is_f64 = x->dtype == BT_F64, .logarithm = logarithm};
  const int64_t blocks = (axis.inner + COLUMNS - 1) / COLUMNS;
  const int64_t work = axis.n * (axis.inner < COLUMNS ? axis.inner : COLUMNS);
  if (axis.n > 0) bt_parallel(c, axis.outer * blocks, 1 + 4096 / (work + 1), part, &j);
}
