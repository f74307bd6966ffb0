/* SPDX-License-Identifier: Apache-2.0
   Normalisation of the trailing axes. */
#include "ops/shared/layer_norm.h"

#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/arithmetic.h"
#include "runtime/shape.h"

enum { X, SCALE, BIAS };

/* An input that must broadcast to X without making it longer. */
static bt_status need_broadcast(bt_call* c, int i, const char* what) {
  const bt_tensor* x = c->in[X];
  if (!bt_given(c, i) || !bt_has_rank(c->in[i])) return BT_OK;
  const bt_tensor* t = c->in[i];
  int fits = t->rank <= x->rank;
  for (int d = 1; fits && d <= t->rank; ++d)
    fits = t->dims[t->rank - d] == 1 || !bt_clash(t->dims[t->rank - d], x->dims[x->rank - d]);
  if (fits) return BT_OK;
  char a[BT_SHAPE_TEXT], b[BT_SHAPE_TEXT];
  return bt_fail(c, BT_BAD_INPUT, "%s has shape %s, which does not broadcast to %s", what,
                 bt_shape_text(t, a), bt_shape_text(x, b));
}

bt_status bt_layer_norm_infer(bt_call* c) {
  const bt_tensor* x = c->in[X];
  for (int i = X; i <= BIAS; ++i) {
    BT_TRY(bt_need_type(c, i, BT_TYPES_FLOAT));
    if (i) BT_TRY(bt_need_same_type(c, X, i));
  }
  bt_set_like(c->out[0], x);
  for (int i = 1; i < c->n_out; ++i) c->out[i]->dtype = x->dtype == BT_F64 ? BT_F64 : BT_F32;
  if (!bt_has_rank(x)) return BT_OK;
  int axis = 0;
  BT_TRY(bt_need_axis(c, c->attr[BT_LAYER_NORM_AXIS].i, x->rank, "axis", &axis));
  BT_TRY(need_broadcast(c, SCALE, "the scale"));
  BT_TRY(need_broadcast(c, BIAS, "the bias"));
  for (int i = 1; i < c->n_out; ++i) {
    bt_set_shape(c->out[i], c->out[i]->dtype, x->rank, x->dims);
    for (int d = axis; d < x->rank; ++d) c->out[i]->dims[d] = 1;
  }
  return BT_OK;
}

typedef struct job {
  bt_call* c;
  const bt_kernels* k;
  int64_t n; /* elements of a row */
  int centred;
  const float *gain, *shift; /* one per element of a row; NULL where there is none, or not so */
} job;

static void row_f32(const job* j, int64_t row, float* y, float* mean, float* inverse) {
  const float* x = (const float*)j->c->in[X]->data + row * j->n;
  const size_t n = (size_t)j->n;
  *mean = j->centred ? j->k->sum(x, n) / (float)n : 0.0f;
  const float variance = j->k->sum_square(x, n, *mean) / (float)n;
  *inverse = 1.0f / sqrtf(variance + j->c->attr[BT_LAYER_NORM_EPSILON].f);
  if (y) j->k->scale_shift(x, y + row * j->n, n, *mean, *inverse, j->gain, j->shift);
}

static void row_f64(const job* j, int64_t row, double* y, double* mean, double* inverse) {
  const double* x = (const double*)j->c->in[X]->data + row * j->n;
  double sum = 0.0, squares = 0.0;
  for (int64_t i = 0; i < j->n; ++i) sum += x[i];
  *mean = j->centred ? sum / (double)j->n : 0.0;
  for (int64_t i = 0; i < j->n; ++i) squares = fma(x[i] - *mean, x[i] - *mean, squares);
  *inverse = 1.0 / sqrt(squares / (double)j->n + (double)j->c->attr[BT_LAYER_NORM_EPSILON].f);
  for (int64_t i = 0; y && i < j->n; ++i) y[row * j->n + i] = (x[i] - *mean) * *inverse;
}

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  bt_call* c = j->c;
  void* y = bt_wants(c, 0) ? c->out[0]->data : NULL;
  (void)thread;
  for (int64_t row = begin; row < end; ++row) {
    double stats[2];
    if (c->in[X]->dtype == BT_F64) {
      row_f64(j, row, y, &stats[0], &stats[1]);
    } else {
      float mean = 0.0f, inverse = 0.0f;
      row_f32(j, row, y, &mean, &inverse);
      stats[0] = (double)mean, stats[1] = (double)inverse;
    }
    for (int i = 1; i <= 2; ++i)
      if (bt_wants(c, i)) bt_put(c->out[i], row, stats[i - 1]);
  }
}

BT_ROW2_KERNEL(mul_f32, BT_MUL)
BT_ROW2_KERNEL(add_f32, BT_ADD)
BT_ROW2(mul_f64, double, double, a * b)
BT_ROW2(add_f64, double, double, a + b)

/* The input has the shape of a row, apart from leading lengths of 1. */
static const float* one_per_element(const bt_call* c, int i, int axis) {
  const bt_tensor *x = c->in[X], *t = bt_given(c, i) ? c->in[i] : NULL;
  if (!t || x->dtype != BT_F32) return NULL;
  const int64_t leading = bt_extent(t, 0, t->rank - (x->rank - axis));
  return leading == 1 && bt_count(t) == bt_extent(x, axis, x->rank) ? t->data : NULL;
}

bt_status bt_layer_norm_run(bt_call* c, int centred) {
  const bt_tensor* x = c->in[X];
  const int64_t a = c->attr[BT_LAYER_NORM_AXIS].i;
  const int axis = (int)(a < 0 ? a + x->rank : a);
  job j = {.c = c, .k = bt_call_kernels(c), .n = bt_extent(x, axis, x->rank), .centred = centred,
           .gain = one_per_element(c, SCALE, axis), .shift = one_per_element(c, BIAS, axis)};
  const int late_gain = bt_given(c, SCALE) && !j.gain;
  if (late_gain) j.shift = NULL; /* the bias comes after the scale */
  bt_parallel(c, bt_extent(x, 0, axis), 1 + 8192 / (j.n + 1), part, &j);
  if (!bt_wants(c, 0)) return BT_OK;
  const int is_f32 = x->dtype == BT_F32;
  if (late_gain) bt_binary_run(c, c->out[0], c->in[SCALE], c->out[0], is_f32 ? mul_f32 : mul_f64);
  if (bt_given(c, BIAS) && !j.shift)
    bt_binary_run(c, c->out[0], c->in[BIAS], c->out[0], is_f32 ? add_f32 : add_f64);
  return BT_OK;
}
