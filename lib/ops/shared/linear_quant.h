/* SPDX-License-Identifier: Apache-2.0
   Linear quantization as ONNX writes it, with scales and zero points in inputs 1 and 2: one for the
   whole tensor, one for each index of an axis, or one for each block of an axis. */
#ifndef BANTAM_OPS_SHARED_LINEAR_QUANT_H_
#define BANTAM_OPS_SHARED_LINEAR_QUANT_H_
#include "runtime/op.h"

/* A zero point: a number of the tiny float formats, else an integer. */
typedef union bt_zero_point {
  int32_t i;
  float f;
} bt_zero_point;

/* Which scale belongs to which element. The tensor is taken as rows; the scales of one row are one
   number (step 0) or lie side by side (step 1). */
typedef struct bt_linear {
  int64_t count;                /* scales */
  int64_t rows, length;         /* of the tensor; elements of a row */
  int64_t cycle, short_length;  /* the last of every `cycle` rows has short_length elements */
  int64_t group, groups;        /* inside a cycle, `group` rows in turn read the same scales; */
  int64_t stride;               /* the next ones begin so much further on */
  int step;
  const float* scale;
  const bt_zero_point* zero;
} bt_linear;

/* Inputs 1 and 2 and the attributes by their positions in the schema fit input 0, as far as shapes
   are known. Sets everything but scale and zero where all shapes are known. */
bt_status bt_linear_read(bt_call* c, int axis, int block_size, bt_linear* a);
/* Bytes of room for scales and zero points, and their conversion. `type` is the stored one. */
size_t bt_linear_bytes(const bt_linear* a);
void bt_linear_load(bt_linear* a, const bt_call* c, bt_dtype type, void* room);

/* Handles n <= BT_LINEAR_RUN elements of the tensor from `at` on; element i of them has scale[i]
   and zero[i]. */
#define BT_LINEAR_RUN 256
typedef void (*bt_linear_fn)(const void* job, int64_t at, int n, const float* scale,
                             const bt_zero_point* zero);
void bt_linear_run(bt_call* c, const bt_linear* a, bt_linear_fn fn, const void* job);

/* y = saturate(round(x / scale) + zero), x of f32, f16, bf16 or i32, y of an integer or tiny float
   type. The quotient is rounded to `precision` (f16, bf16) first; f32 leaves it as it is. */
void bt_linear_quantize(bt_call* c, const bt_linear* a, const bt_tensor* x, bt_tensor* y,
                        bt_dtype precision, int saturate);

#endif
