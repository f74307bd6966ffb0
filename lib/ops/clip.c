/* SPDX-License-Identifier: Apache-2.0
   Clip: y = min(max(x, min), max), the bounds being scalar inputs 1 and 2; either may be missing.
   Where min is above max every y is max. NaN stays. Bounds of a quantized x are reals. */
#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/requant.h"

enum { MIN = 1, MAX = 2 };

static bt_status infer(bt_call* c) {
  BT_TRY(bt_unary_infer(c, BT_TYPES_NUMBER));
  for (int i = MIN; i <= MAX; ++i) {
    if (!bt_given(c, i)) continue;
    BT_TRY(bt_need_one_element(c, i, i == MIN ? "min" : "max"));
    if (!bt_is_q8(c->in[0])) BT_TRY(bt_need_same_type(c, 0, i));
    else if (!bt_is_q8(c->in[i])) BT_TRY(bt_need_type(c, i, BT_TYPES_FLOAT));
  }
  return BT_OK;
}

/* A bound of floats, and of quantized values, which may be quantized itself. */
static float real_bound(const bt_call* c, int i, float otherwise) {
  if (!bt_given(c, i)) return otherwise;
  const bt_tensor* bound = c->in[i];
  if (!bt_is_q8(bound)) return (float)bt_scalar(bound);
  return bound->quant->scale[0] * (float)(bt_scalar_int(bound) - bt_zero_of(bound->quant));
}

static void row(const bt_call* c, const float* x, float* y, size_t n) {
  const float lo = real_bound(c, MIN, -INFINITY), hi = real_bound(c, MAX, INFINITY);
  bt_call_kernels(c)->clamp(x, y, n, lo, hi);
}

static double one(const bt_call* c, double x) {
  const double lo = bt_given(c, MIN) ? bt_scalar(c->in[MIN]) : -INFINITY;
  const double hi = bt_given(c, MAX) ? bt_scalar(c->in[MAX]) : INFINITY;
  const double raised = x < lo ? lo : x;
  return raised > hi ? hi : raised;
}

/* The bounds are read in every part before anything is written: y may lie where a bound does. */
#define CLIP(name, T, LEAST, MOST)                                                \
  static void name(const bt_call* c, const void* px, void* py, int64_t n) {       \
    const T* x = px;                                                              \
    T* y = py;                                                                    \
    const T lo = bt_given(c, MIN) ? *(const T*)c->in[MIN]->data : LEAST;          \
    const T hi = bt_given(c, MAX) ? *(const T*)c->in[MAX]->data : MOST;           \
    for (int64_t i = 0; i < n; ++i) {                                             \
      const T raised = x[i] < lo ? lo : x[i];                                     \
      y[i] = raised > hi ? hi : raised;                                           \
    }                                                                             \
  }
CLIP(clip_i8, int8_t, INT8_MIN, INT8_MAX)
CLIP(clip_i16, int16_t, INT16_MIN, INT16_MAX)
CLIP(clip_i32, int32_t, INT32_MIN, INT32_MAX)
CLIP(clip_i64, int64_t, INT64_MIN, INT64_MAX)
CLIP(clip_u8, uint8_t, 0, UINT8_MAX)
CLIP(clip_u16, uint16_t, 0, UINT16_MAX)
CLIP(clip_u32, uint32_t, 0, UINT32_MAX)
CLIP(clip_u64, uint64_t, 0, UINT64_MAX)
static const bt_map_fn integers[BT_DTYPE_COUNT] = {BT_OF_SIGNED(clip), BT_OF_UNSIGNED(clip)};

static bt_status prepare(bt_call* c) {
  if (!bt_is_q8(c->in[0])) return BT_OK;
  BT_TRY(bt_need_q8(c, 0, 1));
  c->plan = bt_keep_plan(c, 256);
  return c->plan ? BT_OK : bt_fail_memory(c);
}

static bt_status run(bt_call* c) {
  if (bt_is_q8(c->in[0])) bt_quant_table(c, row, c->plan); /* bounds may differ from run to run */
  return bt_number_run(c, integers, row, one);
}

const bt_op bt_op_clip = {
    .name = "Clip", .summary = "Values below min become min, values above max become max.",
    .in_min = 1, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_TABLE,
    .infer = infer, .prepare = prepare, .run = run};
