/* SPDX-License-Identifier: Apache-2.0
   AveragePool: the mean of the elements under every position of a sliding window. Padding counts
   as zeros with count_include_pad, else not at all; what ceil_mode adds behind the padding never
   counts. A window without any element gives 0.

   Quantized: the sum of the stored integers (padding counts with the zero point) is divided by the
   count, halves away from zero. Where Y has another scale than X, the rule is that of
   GlobalAveragePool. */
#include <math.h>
#include <string.h>

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

static int8_t mean_s8(const bt_call* c, int64_t sum, int64_t count) {
  const bt_quant *x = c->in[0]->quant, *y = c->out[0]->quant;
  const int64_t in_zero = bt_zero_of(x), zero = bt_zero_of(y);
  if (x->scale[0] == y->scale[0] && in_zero == zero)
    return (int8_t)((sum >= 0 ? sum + count / 2 : sum - count / 2) / count);
  const float factor = x->scale[0] / y->scale[0] / (float)count;
  const float f = (float)(sum - count * in_zero) * factor;
  return (int8_t)(rintf(bt_clamp_f32(f, (float)(-128 - zero), (float)(127 - zero))) + (float)zero);
}

#define BLOCK 256 /* channels whose sums are kept at a time */

static void pixel_s8(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  const int64_t count = count_of(c, taps);
  const int64_t padding = (count - taps->hit) * bt_zero_of(c->in[0]->quant);
  int8_t* y = py;
  for (int64_t at = 0; at < channels; at += BLOCK) {
    const int64_t n = channels - at < BLOCK ? channels - at : BLOCK;
    int32_t sum[BLOCK] = {0};
    BT_POOL_EACH(int8_t, x, taps)
      for (int64_t i = 0; i < n; ++i) sum[i] += x[at + i];
    for (int64_t i = 0; i < n; ++i) y[at + i] = mean_s8(c, sum[i] + padding, count);
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
