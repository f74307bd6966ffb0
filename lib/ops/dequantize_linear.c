/* SPDX-License-Identifier: Apache-2.0
   DequantizeLinear: y = (x - zero) * scale, with one scale for the tensor, for each index of an
   axis, or for each block of one. y has the type output_dtype, else that of the scales; it is
   computed in f32 and rounded once. */
#include <inttypes.h>

#include "ops/shared/linear_quant.h"
#include "runtime/shape.h"

enum { X, SCALE, ZERO };
enum { AXIS, BLOCK_SIZE, OUTPUT_DTYPE };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = 1},
                                     {.name = "block_size", .kind = BT_INT},
                                     {.name = "output_dtype", .kind = BT_INT},
                                     {0}};

#define STORED                                                                            \
  (BT_BIT(BT_I8) | BT_BIT(BT_U8) | BT_BIT(BT_I16) | BT_BIT(BT_U16) | BT_BIT(BT_I32) | \
   BT_TYPES_SMALL_INT | (BT_TYPES_TINY_FLOAT & ~BT_BIT(BT_F8E8M0)))
#define REAL (BT_BIT(BT_F32) | BT_TYPES_HALF)

static bt_status infer(bt_call* c) {
  bt_linear a;
  BT_TRY(bt_need_type(c, X, STORED));
  BT_TRY(bt_need_type(c, SCALE, REAL | BT_BIT(BT_F8E8M0)));
  BT_TRY(bt_need_same_type(c, X, ZERO));
  const int64_t wanted = c->attr[OUTPUT_DTYPE].i;
  if (wanted && wanted != BT_F32 && wanted != BT_F16 && wanted != BT_BF16)
    return bt_fail(c, BT_BAD_INPUT, "output_dtype is %" PRId64 "; 1 (f32), 10 (f16) or 16 (bf16) "
                   "is needed", wanted);
  if (!wanted && c->in[SCALE]->dtype == BT_F8E8M0)
    return bt_fail(c, BT_BAD_INPUT, "scales of type f8e8m0 need output_dtype");
  BT_TRY(bt_linear_read(c, AXIS, BLOCK_SIZE, &a));
  bt_set_shape(c->out[0], wanted ? (bt_dtype)wanted : c->in[SCALE]->dtype, c->in[X]->rank,
               c->in[X]->dims);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  bt_linear* a = bt_keep_plan(c, sizeof *a);
  if (!a) return bt_fail_memory(c);
  BT_TRY(bt_linear_read(c, AXIS, BLOCK_SIZE, a));
  c->plan = a;
  c->scratch_bytes = bt_linear_bytes(a);
  return BT_OK;
}

/* x - zero as floats. Differences of i32 need 64 bits. */
#define LESS(T, WIDE)                                                                       \
  {                                                                                         \
    const T* from = (const T*)x->data + at;                                                 \
    for (int i = 0; i < n; ++i) v[i] = (float)((WIDE)from[i] - (WIDE)zero[i].i);     \
    break;                                                                                  \
  }
static void less_zero(const bt_tensor* x, int64_t at, int n, const bt_zero_point* zero, float* v) {
  switch (x->dtype) {
    case BT_I8:
    case BT_I4:
    case BT_I2: LESS(int8_t, int32_t)
    case BT_U8:
    case BT_U4:
    case BT_U2: LESS(uint8_t, int32_t)
    case BT_I16: LESS(int16_t, int32_t)
    case BT_U16: LESS(uint16_t, int32_t)
    case BT_I32: LESS(int32_t, int64_t)
    default:
      for (int i = 0; i < n; ++i) v[i] = (float)bt_get(x, at + i) - zero[i].f;
  }
}

static void run_part(const void* arg, int64_t at, int n, const float* scale,
                     const bt_zero_point* zero) {
  const bt_call* c = arg;
  const bt_tensor* y = c->out[0];
  float v[BT_LINEAR_RUN];
  less_zero(c->in[X], at, n, zero, v);
  for (int i = 0; i < n; ++i) v[i] *= scale[i];
  if (y->dtype == BT_F32)
    for (int i = 0; i < n; ++i) ((float*)y->data)[at + i] = v[i];
  else if (y->dtype == BT_F16)
    for (int i = 0; i < n; ++i) ((uint16_t*)y->data)[at + i] = bt_to_f16(v[i]);
  else
    for (int i = 0; i < n; ++i) ((uint16_t*)y->data)[at + i] = bt_to_bf16(v[i]);
}

static bt_status run(bt_call* c) {
  bt_linear* a = c->plan;
  bt_linear_load(a, c, c->in[X]->dtype, c->scratch);
  bt_linear_run(c, a, run_part, c);
  return BT_OK;
}

const bt_op bt_op_dequantize_linear = {
    .name = "DequantizeLinear", .summary = "Integers in units of a scale to numbers.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .layout = BT_LAYOUT_AXIS,
    .infer = infer, .prepare = prepare, .run = run};
