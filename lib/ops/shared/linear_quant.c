/* SPDX-License-Identifier: Apache-2.0
   Linear quantization with scales in inputs. */
#include "ops/shared/linear_quant.h"

#include <inttypes.h>
#include <math.h>

#include "kernels/math_f32.h"
#include "runtime/shape.h"

enum { X, SCALE, ZERO };

/* ---- which scale belongs to which element ---- */

static void by_tensor(const bt_tensor* x, bt_linear* a) {
  const int64_t n = bt_count(x);
  *a = (bt_linear){.count = 1, .rows = 1, .length = n, .cycle = 1, .short_length = n, .group = 1};
}

/* A row is what lies behind one index of the axis or, of the last axis, that axis itself. */
static void by_axis(const bt_tensor* x, int axis, bt_linear* a) {
  const int64_t n = x->dims[axis], inner = bt_extent(x, axis + 1, x->rank);
  const int64_t outer = bt_extent(x, 0, axis);
  if (inner == 1)
    *a = (bt_linear){.count = n, .rows = outer, .length = n, .cycle = 1, .group = 1, .step = 1};
  else
    *a = (bt_linear){.count = n, .rows = outer * n, .length = inner, .cycle = n, .group = 1,
                     .stride = 1};
  a->short_length = a->length;
}

/* The same, but a row of the last axis is one block. */
static void by_block(const bt_tensor* x, int axis, int64_t block, bt_linear* a) {
  const int64_t n = x->dims[axis], inner = bt_extent(x, axis + 1, x->rank);
  const int64_t outer = bt_extent(x, 0, axis), blocks = n > 0 ? (n - 1) / block + 1 : 0;
  *a = (bt_linear){.count = outer * blocks * inner, .groups = blocks, .stride = inner};
  if (inner == 1) {
    a->rows = outer * blocks;
    a->length = block < n ? block : n;
    a->short_length = n - (blocks - 1) * a->length;
    a->cycle = blocks;
    a->group = 1;
  } else {
    a->rows = outer * n;
    a->length = a->short_length = inner;
    a->cycle = n;
    a->group = block;
    a->step = 1;
  }
}

static bt_status need_blocks(bt_call* c, int axis, int64_t block) {
  const bt_tensor *x = c->in[X], *scale = c->in[SCALE];
  char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
  int fits = scale->rank == x->rank;
  for (int d = 0; d < x->rank && fits; ++d) {
    const int64_t n = x->dims[d];
    fits = !bt_clash(scale->dims[d], d == axis && n > 0 ? (n - 1) / block + 1 : n);
  }
  if (fits) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT,
                 "the scales have shape %s, which does not fit an input of shape %s in blocks of "
                 "%" PRId64 " along axis %d",
                 bt_shape_text(scale, p), bt_shape_text(x, q), block, axis);
}

static bt_status need_like_scale(bt_call* c) {
  if (!bt_given(c, ZERO)) return BT_OK;
  const bt_tensor *scale = c->in[SCALE], *zero = c->in[ZERO];
  char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
  int fits = 1;
  if (bt_has_shape(scale) && bt_has_shape(zero)) {
    fits = scale->rank == zero->rank;
    for (int d = 0; d < scale->rank && fits; ++d) fits = scale->dims[d] == zero->dims[d];
    fits = fits || (bt_count(scale) == 1 && bt_count(zero) == 1); /* [] and [1] are both one */
  }
  if (fits) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT,
                 "the scales have shape %s, the zero points %s; they must be equal",
                 bt_shape_text(scale, p), bt_shape_text(zero, q));
}

bt_status bt_linear_read(bt_call* c, int axis_attr, int block_attr, bt_linear* a) {
  const bt_tensor *x = c->in[X], *scale = c->in[SCALE];
  const int64_t block = c->attr[block_attr].i;
  if (block < 0)
    return bt_fail(c, BT_BAD_INPUT, "block_size is %" PRId64 "; it must not be negative", block);
  BT_TRY(need_like_scale(c));
  if (!bt_has_rank(x) || !bt_has_rank(scale)) return BT_OK;
  const int known = bt_has_shape(x) && bt_has_shape(scale);
  if (scale->rank == 0 || (scale->rank == 1 && scale->dims[0] == 1 && !block)) {
    if (known) by_tensor(x, a);
    return BT_OK;
  }
  int axis = 0;
  if (x->rank > 1 || block) BT_TRY(bt_need_axis(c, c->attr[axis_attr].i, x->rank, "axis", &axis));
  if (block) {
    BT_TRY(need_blocks(c, axis, block));
    if (known) by_block(x, axis, block, a);
    return BT_OK;
  }
  if (x->rank == 0) return bt_fail(c, BT_BAD_INPUT, "a single number has more than one scale");
  BT_TRY(bt_need_vector(c, SCALE, x->dims[axis], "the scale of each index of the axis"));
  if (known) by_axis(x, axis, a);
  return BT_OK;
}

/* ---- scales ---- */

size_t bt_linear_bytes(const bt_linear* a) {
  return (size_t)a->count * (sizeof(float) + sizeof(bt_zero_point));
}

void bt_linear_load(bt_linear* a, const bt_call* c, bt_dtype type, void* room) {
  float* scale = room;
  bt_zero_point* zero = (bt_zero_point*)(scale + a->count);
  const bt_tensor* given = bt_given(c, ZERO) ? c->in[ZERO] : NULL;
  for (int64_t i = 0; i < a->count; ++i) {
    scale[i] = (float)bt_get(c->in[SCALE], i);
    if (bt_is_int(type)) zero[i].i = given ? (int32_t)bt_get_int(given, i) : 0;
    else zero[i].f = given ? (float)bt_get(given, i) : 0.0f;
  }
  a->scale = scale;
  a->zero = zero;
}

/* ---- walking ---- */

typedef struct walk {
  const bt_linear* a;
  bt_linear_fn fn;
  const void* job;
} walk;

/* n elements of one row, whose scales begin at `first`. */
static void run_row(const walk* w, int64_t at, int64_t first, int64_t n) {
  const bt_linear* a = w->a;
  float scale[BT_LINEAR_RUN];
  bt_zero_point zero[BT_LINEAR_RUN];
  for (int i = 0; i < BT_LINEAR_RUN && i < n && !a->step; ++i) {
    scale[i] = a->scale[first];
    zero[i] = a->zero[first];
  }
  for (int64_t i = 0; i < n; i += BT_LINEAR_RUN) {
    const int count = n - i < BT_LINEAR_RUN ? (int)(n - i) : BT_LINEAR_RUN;
    if (a->step) w->fn(w->job, at + i, count, a->scale + first + i, a->zero + first + i);
    else w->fn(w->job, at + i, count, scale, zero);
  }
}

static void run_rows(void* arg, int64_t begin, int64_t end, int thread) {
  const walk* w = arg;
  const bt_linear* a = w->a;
  (void)thread;
  if (a->rows == 1) { /* parts of it */
    run_row(w, begin, begin * a->step, end - begin);
    return;
  }
  for (int64_t row = begin; row < end; ++row) {
    const int64_t turn = row / a->cycle, k = row % a->cycle;
    const int64_t at = row * a->length - turn * (a->length - a->short_length);
    run_row(w, at, (turn * a->groups + k / a->group) * a->stride,
            k == a->cycle - 1 ? a->short_length : a->length);
  }
}

void bt_linear_run(bt_call* c, const bt_linear* a, bt_linear_fn fn, const void* job) {
  walk w = {.a = a, .fn = fn, .job = job};
  if (a->rows == 1) bt_parallel(c, a->length, 8192, run_rows, &w);
  else if (a->length > 0) bt_parallel(c, a->rows, 8192 / a->length + 1, run_rows, &w);
}

/* ---- quantization ---- */

typedef struct job {
  const bt_tensor* x;
  bt_tensor* y;
  bt_dtype precision;
  int saturate;
} job;

static void read_run(const bt_tensor* x, int64_t at, int n, float* to) {
  if (x->dtype == BT_F32) {
    for (int i = 0; i < n; ++i) to[i] = ((const float*)x->data)[at + i];
  } else {
    for (int i = 0; i < n; ++i) to[i] = (float)bt_get(x, at + i);
  }
}

static void divide(float* v, int n, const float* scale, bt_dtype precision) {
  for (int i = 0; i < n; ++i) v[i] /= scale[i];
  if (precision == BT_F16)
    for (int i = 0; i < n; ++i) v[i] = bt_from_f16(bt_to_f16(v[i]));
  if (precision == BT_BF16)
    for (int i = 0; i < n; ++i) v[i] = bt_from_bf16(bt_to_bf16(v[i]));
}

/* NaN becomes the zero point. The clamp comes first, so that no conversion can overflow. */
#define STORE(T, LEAST, MOST)                                                          \
  {                                                                                    \
    T* to = (T*)j->y->data + at;                                                       \
    for (int i = 0; i < n; ++i) {                                                      \
      const int32_t z = zero[i].i;                                                     \
      const float f = bt_clamp_f32(v[i], (float)(LEAST - z), (float)(MOST - z));       \
      to[i] = (T)(bt_round_f32(bt_select_f32(f == f, f, 0.0f)) + z);                   \
    }                                                                                  \
    break;                                                                             \
  }

static void quantize_run(const void* arg, int64_t at, int n, const float* scale,
                         const bt_zero_point* zero) {
  const job* j = arg;
  float v[BT_LINEAR_RUN];
  read_run(j->x, at, n, v);
  divide(v, n, scale, j->precision);
  switch (j->y->dtype) {
    case BT_I8: STORE(int8_t, INT8_MIN, INT8_MAX)
    case BT_U8: STORE(uint8_t, 0, UINT8_MAX)
    case BT_I16: STORE(int16_t, INT16_MIN, INT16_MAX)
    case BT_U16: STORE(uint16_t, 0, UINT16_MAX)
    case BT_I4: STORE(int8_t, -8, 7)
    case BT_U4: STORE(uint8_t, 0, 15)
    case BT_I2: STORE(int8_t, -2, 1)
    case BT_U2: STORE(uint8_t, 0, 3)
    default:
      for (int i = 0; i < n; ++i)
        ((uint8_t*)j->y->data)[at + i] =
            bt_to_tiny(j->y->dtype, v[i] + zero[i].f, j->saturate);
  }
}

void bt_linear_quantize(bt_call* c, const bt_linear* a, const bt_tensor* x, bt_tensor* y,
                        bt_dtype precision, int saturate) {
  const job j = {.x = x, .y = y, .precision = precision, .saturate = saturate};
  bt_linear_run(c, a, quantize_run, &j);
}
