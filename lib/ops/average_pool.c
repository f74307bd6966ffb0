/* SPDX-License-Identifier: Apache-2.0
   AveragePool: the mean of the elements under every position of a sliding window. Padding counts
   as zeros with count_include_pad, else not at all; what ceil_mode adds behind the padding never
   counts. A window without any element gives 0.

   Quantized: the sum of the stored integers (padding counts with the zero point) is divided by the
   count, halves away from zero. Where Y has another scale than X, the rule is that of
   GlobalAveragePool. */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "kernels/math_f32.h"
#include "ops/shared/pooling.h"
#include "ops/shared/reduce.h"
#include "ops/shared/requant.h"
#include "runtime/shape.h"

enum { COUNT_INCLUDE_PAD = BT_POOL_ATTRS };
static const bt_attr_spec attrs[] = {
    BT_POOL_ATTR_SPECS, {.name = "count_include_pad", .kind = BT_INT}, {0}};

static bt_status infer(bt_call* c) {
  if (!bt_is_q8(c->in[0])) BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  return bt_pooling_infer(c);
}

#define PIXELS_MAX (1 << 23) /* as many bytes surely add up in 32 bits */

static bt_status prepare(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_reduce_need_q8(c));
  const int first = c->attr[BT_POOL_LAYOUT].i ? 1 : 2;
  if (bt_is_q8(x) && bt_extent(x, first, first + x->rank - 2) > PIXELS_MAX)
    return bt_fail(c, BT_UNSUPPORTED, "quantized images of more than %d pixels", PIXELS_MAX);
  return bt_pooling_prepare(c);
}

static int64_t count_of(const bt_call* c, const bt_pooling_taps* taps) {
  const int64_t n = c->attr[COUNT_INCLUDE_PAD].i ? taps->inside : taps->hit;
  return n > 0 ? n : 1;
}

static void pixel_f32(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  const bt_kernels* k = bt_call_kernels(c);
  const size_t n = (size_t)channels;
  const float count = (float)count_of(c, taps);
  float* y = py;
  memset(y, 0, n * sizeof *y);
  BT_POOL_EACH(float, x, taps) k->binary[BT_ADD](y, x, y, n, BT_BOTH);
  k->binary[BT_DIV](y, &count, y, n, BT_B_ONE);
}

static void pixel_f64(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  const double count = (double)count_of(c, taps);
  double* y = py;
  memset(y, 0, (size_t)channels * sizeof *y);
  BT_POOL_EACH(double, x, taps)
    for (int64_t i = 0; i < channels; ++i) y[i] += x[i];
  for (int64_t i = 0; i < channels; ++i) y[i] /= count;
}

/* ---- quantized ---- */

/* Integers of a sum, plus `padding`, divided by the count. Halves go away from zero; a double holds
   both numbers, and its quotient never reaches an integer that the true one does not. */
static void divide_s8(const int32_t* sum, int64_t padding, int64_t count, int8_t* y, int64_t n) {
  const double half = (double)(count / 2), by = (double)count, start = (double)padding;
  for (int64_t i = 0; i < n; ++i) {
    const double s = (double)sum[i] + start;
    y[i] = (int8_t)(int32_t)((s >= 0 ? s + half : s - half) / by);
  }
}

/* The same for another scale of Y. */
static void rescale_s8(const bt_call* c, const int32_t* sum, int64_t padding, int64_t count,
                       int8_t* y, int64_t n) {
  const bt_quant *in = c->in[0]->quant, *out = c->out[0]->quant;
  const int32_t zero = bt_zero_of(out);
  const float factor = in->scale[0] / out->scale[0] / (float)count;
  const float lo = (float)(-128 - zero), hi = (float)(127 - zero);
  const int64_t start = padding - count * bt_zero_of(in);
  for (int64_t i = 0; i < n; ++i) {
    const float f = bt_clamp_f32((float)(sum[i] + start) * factor, lo, hi);
    y[i] = (int8_t)(bt_round_f32(f) + zero);
  }
}

#define BLOCK 256 /* channels whose sums are kept at a time */

static void pixel_s8(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  const bt_quant *in = c->in[0]->quant, *out = c->out[0]->quant;
  const int same = in->scale[0] == out->scale[0] && bt_zero_of(in) == bt_zero_of(out);
  const int64_t count = count_of(c, taps);
  const int64_t padding = (count - taps->hit) * bt_zero_of(in);
  int8_t* y = py;
  for (int64_t at = 0; at < channels; at += BLOCK) {
    const int64_t n = channels - at < BLOCK ? channels - at : BLOCK;
    int32_t sum[BLOCK] = {0};
    BT_POOL_EACH(int8_t, x, taps)
      for (int64_t i = 0; i < n; ++i) sum[i] += x[at + i];
    if (same)
      divide_s8(sum, padding, count, y + at, n);
    else
      rescale_s8(c, sum, padding, count, y + at, n);
  }
}

static bt_status run(bt_call* c) {
  const bt_dtype type = c->in[0]->dtype;
  return bt_pooling_run(c, type == BT_F32 ? pixel_f32 : type == BT_F64 ? pixel_f64 : pixel_s8);
}

const bt_op bt_op_average_pool = {
    .name = "AveragePool", .summary = "The mean under a sliding window.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_ARITH,
    .infer = infer, .prepare = prepare, .run = run};
