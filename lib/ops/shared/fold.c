/* SPDX-License-Identifier: Apache-2.0
   Folding: fast for floats and for sums of quantized values, element by element for other types. */
#include "ops/shared/fold.h"

#include <math.h>

#include "kernels/kernels.h"
#include "kernels/math_f32.h"
#include "kernels/math_f64.h"
#include "ops/shared/requant.h"

#define BLOCK BT_FOLD_COLUMNS
#define CHAINS 16

/* Empty rows come from empty inputs: a walk has a first round even then. */
static int is_empty(const bt_fold_job* j) { return j->count == 0; }

/* ---- floats ---- */

static float start_f32(bt_fold fold) {
  switch (fold) {
    case BT_FOLD_PROD: return 1.0f;
    case BT_FOLD_MAX: return -INFINITY;
    case BT_FOLD_MIN: return INFINITY;
    default: return 0.0f;
  }
}

/* b is the newer one. */
static float join_f32(bt_fold fold, float a, float b) {
  switch (fold) {
    case BT_FOLD_PROD: return a * b;
    case BT_FOLD_MAX: return bt_max_f32(b, a);
    case BT_FOLD_MIN: return bt_min_f32(b, a);
    default: return a + b;
  }
}

/* |x| or e^(x - shift) */
static void map_f32(const bt_kernels* k, bt_fold fold, const float* x, float* y, size_t n,
                    const float* shift, bt_operand one) {
  if (fold == BT_FOLD_ABS) {
    k->unary[BT_ABS](x, y, n);
    return;
  }
  k->binary[BT_SUB](x, shift, y, n, one);
  k->unary[BT_EXP](y, y, n);
}

/* The sum of a function of a row, which is computed block by block: the 16 chains run on. */
static float sum_mapped(const bt_kernels* k, bt_fold fold, const float* x, int64_t n, float shift) {
  float c[CHAINS] = {0.0f}, block[BLOCK];
  for (int64_t at = 0; at < n; at += BLOCK) {
    const int count = n - at < BLOCK ? (int)(n - at) : BLOCK;
    map_f32(k, fold, x + at, block, (size_t)count, &shift, BT_B_ONE);
    for (int i = count; i % CHAINS; ++i) block[i] = 0.0f; /* a sum of 0 and more is never -0 */
    for (int i = 0; i < count; i += CHAINS)
      for (int q = 0; q < CHAINS; ++q) c[q] += block[i + q];
  }
  for (int half = CHAINS / 2; half > 0; half /= 2)
    for (int q = 0; q < half; ++q) c[q] += c[q + half];
  return c[0];
}

static float min_of(const bt_kernels* k, const float* x, int64_t n) {
  float block[BLOCK], least = INFINITY;
  for (int64_t at = 0; at < n; at += BLOCK) {
    const size_t count = n - at < BLOCK ? (size_t)(n - at) : BLOCK;
    k->unary[BT_NEG](x + at, block, count);
    least = bt_min_f32(least, -k->max_of(block, count));
  }
  return least;
}

static float row_f32(const bt_kernels* k, bt_fold fold, const float* x, int64_t n, float shift) {
  float v = 1.0f;
  switch (fold) {
    case BT_FOLD_SUM: return k->sum(x, (size_t)n);
    case BT_FOLD_SQUARE: return k->sum_square(x, (size_t)n, 0.0f);
    case BT_FOLD_MAX: return k->max_of(x, (size_t)n);
    case BT_FOLD_MIN: return min_of(k, x, n);
    case BT_FOLD_PROD:
      for (int64_t i = 0; i < n; ++i) v *= x[i];
      return v;
    default: return sum_mapped(k, fold, x, n, shift);
  }
}

static float rows_f32(const bt_fold_job* j, bt_walk* w, const float* x, bt_fold fold, float shift) {
  if (is_empty(j)) return start_f32(fold);
  float v = row_f32(j->k, fold, x + w->offset[0], w->inner, shift);
  while (bt_walk_next(w))
    v = join_f32(fold, v, row_f32(j->k, fold, x + w->offset[0], w->inner, shift));
  return v;
}

static void columns_f32(const bt_fold_job* j, bt_walk* w, const float* x, bt_fold fold,
                        const float* shift, float* v, int n) {
  const bt_kernels* k = j->k;
  float mapped[BLOCK];
  for (int i = 0; i < n; ++i) v[i] = start_f32(fold);
  if (is_empty(j)) return;
  do {
    for (int64_t i = 0; i < w->inner; ++i) {
      const float* from = x + w->offset[0] + i * w->inner_stride[0];
      switch (fold) {
        case BT_FOLD_SUM: k->binary[BT_ADD](v, from, v, (size_t)n, BT_BOTH); break;
        case BT_FOLD_PROD: k->binary[BT_MUL](v, from, v, (size_t)n, BT_BOTH); break;
        case BT_FOLD_MAX: k->max_f32(&from, 1, v, (size_t)n); break;
        case BT_FOLD_MIN: k->binary[BT_MIN](from, v, v, (size_t)n, BT_BOTH); break;
        case BT_FOLD_SQUARE:
          k->unary[BT_SQUARE](from, mapped, (size_t)n);
          k->binary[BT_ADD](v, mapped, v, (size_t)n, BT_BOTH);
          break;
        default:
          map_f32(k, fold, from, mapped, (size_t)n, shift, BT_BOTH);
          k->binary[BT_ADD](v, mapped, v, (size_t)n, BT_BOTH);
      }
    }
  } while (bt_walk_next(w));
}

static void fold_f32(const bt_fold_job* j, bt_walk* inside, int64_t base, int64_t o, int n,
                     bt_fold fold, const float* shift, float* v) {
  const float* x = (const float*)j->x->data + base;
  (void)o;
  if (j->columns) columns_f32(j, inside, x, fold, shift, v, n);
  else *v = rows_f32(j, inside, x, fold, *shift);
}

static void segment_f32(const bt_fold_job* j, bt_walk* inside, int64_t base, int64_t o, int n) {
  const bt_reduction* r = j->r;
  float* y = (float*)j->y->data + o;
  float shift[BLOCK];
  shift[0] = 0.0f;
  if (r->fold == BT_FOLD_EXP) {
    fold_f32(j, inside, base, o, n, BT_FOLD_MAX, shift, shift);
    for (int i = 0; i < n; ++i)
      if (isinf(shift[i])) shift[i] = 0.0f; /* inf - inf is NaN; without a shift inf stays */
  }
  fold_f32(j, inside, base, o, n, r->fold, shift, y);
  if (r->fold == BT_FOLD_EXP)
    for (int i = 0; i < n; ++i) y[i] = bt_logf(y[i]) + shift[i];
  else if (r->finish_f32)
    for (int i = 0; i < n; ++i) y[i] = r->finish_f32(y[i], (float)j->count);
}

/* ---- doubles ---- */

static double step_f64(bt_fold fold, double v, double x, double shift) {
  switch (fold) {
    case BT_FOLD_ABS: return v + fabs(x);
    case BT_FOLD_SQUARE: return fma(x, x, v);
    case BT_FOLD_EXP: return v + bt_exp(x - shift);
    case BT_FOLD_PROD: return v * x;
    case BT_FOLD_MAX: return x > v || x != x ? x : v;
    case BT_FOLD_MIN: return x < v || x != x ? x : v;
    default: return v + x;
  }
}

/* One output. Contiguous rows of sums use the chains of the floats. */
static double one_f64(const bt_fold_job* j, bt_walk* w, int64_t base, bt_fold fold, double shift) {
  const bt_tensor* x = j->x;
  const int sums = fold < BT_FOLD_PROD, mask = sums && !j->columns ? CHAINS - 1 : 0;
  double v = (double)start_f32(fold);
  if (is_empty(j)) return v;
  do {
    double c[CHAINS] = {0.0};
    if (!sums) c[0] = v;
    for (int64_t i = 0; i < w->inner; ++i) {
      double* chain = &c[i & mask];
      const double element = bt_get(x, base + w->offset[0] + i * w->inner_stride[0]);
      *chain = step_f64(fold, *chain, element, shift);
    }
    for (int half = mask ? CHAINS / 2 : 0; half > 0; half /= 2)
      for (int q = 0; q < half; ++q) c[q] += c[q + half];
    v = sums ? v + c[0] : c[0];
  } while (bt_walk_next(w));
  return v;
}

/* f64, and integers that are folded as reals. */
static void segment_f64(const bt_fold_job* j, bt_walk* inside, int64_t base, int64_t o, int n) {
  const bt_reduction* r = j->r;
  for (int i = 0; i < n; ++i) {
    double shift = 0.0;
    if (r->fold == BT_FOLD_EXP) shift = one_f64(j, inside, base + i, BT_FOLD_MAX, 0.0);
    if (isinf(shift)) shift = 0.0;
    double v = one_f64(j, inside, base + i, r->fold, shift);
    if (r->fold == BT_FOLD_EXP) v = bt_log(v) + shift;
    else if (r->finish_f64) v = r->finish_f64(v, (double)j->count);
    bt_put(j->y, o + i, v);
  }
}

/* ---- integers: wrapping around at 64 bits, and when they are stored ---- */

static int64_t start_int(bt_fold fold, bt_dtype dtype) {
  if (fold == BT_FOLD_MAX) return dtype == BT_U64 ? 0 : bt_dtype_min(dtype);
  if (fold == BT_FOLD_MIN) return dtype == BT_U64 ? -1 : bt_dtype_max(dtype);
  return fold == BT_FOLD_PROD;
}

/* `flip` is the sign bit for u64, whose order it repairs. */
static int64_t step_int(bt_fold fold, int64_t v, int64_t x, int64_t flip) {
  const uint64_t a = (uint64_t)v, b = (uint64_t)x;
  switch (fold) {
    case BT_FOLD_ABS: return (int64_t)(x < 0 && !flip ? a - b : a + b);
    case BT_FOLD_SQUARE: return (int64_t)(a + b * b);
    case BT_FOLD_PROD: return (int64_t)(a * b);
    case BT_FOLD_MAX: return (x ^ flip) > (v ^ flip) ? x : v;
    case BT_FOLD_MIN: return (x ^ flip) < (v ^ flip) ? x : v;
    default: return (int64_t)(a + b);
  }
}

static int64_t one_int(const bt_fold_job* j, bt_walk* w, int64_t base) {
  const bt_tensor* x = j->x;
  const int64_t flip = x->dtype == BT_U64 ? INT64_MIN : 0;
  int64_t v = start_int(j->r->fold, x->dtype);
  if (is_empty(j)) return v;
  do {
    for (int64_t i = 0; i < w->inner; ++i) {
      const int64_t element = bt_get_int(x, base + w->offset[0] + i * w->inner_stride[0]);
      v = step_int(j->r->fold, v, element, flip);
    }
  } while (bt_walk_next(w));
  return v;
}

static void segment_int(const bt_fold_job* j, bt_walk* inside, int64_t base, int64_t o, int n) {
  for (int i = 0; i < n; ++i) {
    const int64_t v = one_int(j, inside, base + i);
    bt_put_int(j->y, o + i, j->r->finish_int ? j->r->finish_int(v, j->count) : v);
  }
}

/* ---- means of quantized values: exact sums ---- */

#define S8_COUNT_MAX (1 << 23) /* as many bytes surely add up in 32 bits */

static int8_t mean_s8(const bt_fold_job* j, int64_t sum) {
  const bt_quant *x = j->x->quant, *y = j->y->quant;
  const float factor = x->scale[0] / y->scale[0] / (float)j->count;
  const float zero = (float)bt_zero_of(y);
  const float f = (float)(sum - j->count * bt_zero_of(x)) * factor;
  return (int8_t)(rintf(bt_clamp_f32(f, -128.0f - zero, 127.0f - zero)) + zero);
}

static void segment_s8(const bt_fold_job* j, bt_walk* w, int64_t base, int64_t o, int n) {
  const int8_t* x = (const int8_t*)j->x->data + base;
  int8_t* y = (int8_t*)j->y->data + o;
  int32_t sum[BLOCK] = {0};
  do {
    for (int64_t i = 0; j->columns && i < w->inner; ++i) {
      const int8_t* from = x + w->offset[0] + i * w->inner_stride[0];
      for (int q = 0; q < n; ++q) sum[q] += from[q];
    }
    for (int64_t i = 0; !j->columns && i < w->inner; ++i) sum[0] += x[w->offset[0] + i];
  } while (bt_walk_next(w));
  for (int q = 0; q < n; ++q) y[q] = mean_s8(j, sum[q]);
}

static void segment_s8_long(const bt_fold_job* j, bt_walk* inside, int64_t base, int64_t o, int n) {
  int8_t* y = (int8_t*)j->y->data + o;
  for (int i = 0; i < n; ++i) y[i] = mean_s8(j, one_int(j, inside, base + i));
}

bt_fold_fn bt_fold_for(const bt_fold_job* j) {
  const bt_tensor* x = j->x;
  if (x->dtype == BT_F32) return segment_f32;
  if (x->dtype == BT_F64 || j->r->real) return segment_f64;
  if (j->r->fold != BT_FOLD_SUM || !bt_is_q8(x)) return segment_int;
  return j->count > 0 && j->count <= S8_COUNT_MAX ? segment_s8 : segment_s8_long;
}
