/* SPDX-License-Identifier: Apache-2.0
   Frames of the operators that work element by element. */
#include "ops/shared/elementwise.h"

#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/requant.h"

#define GRAIN 8192 /* elements worth a thread */

bt_status bt_need_one_element(bt_call* c, int i, const char* what) {
  if (!bt_given(c, i)) return BT_OK;
  const bt_tensor* t = c->in[i];
  char text[BT_SHAPE_TEXT];
  int is_one = 1;
  for (int d = 0; d < t->rank; ++d) is_one &= !bt_clash(t->dims[d], 1);
  if (is_one) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "%s has shape %s; one number is needed", what,
                 bt_shape_text(t, text));
}

void bt_copy_values(bt_tensor* y, const bt_tensor* x) {
  const size_t bytes = bt_bytes(x);
  if (bytes && y->data != x->data) memcpy(y->data, x->data, bytes);
}

/* ---- one operand ---- */

bt_status bt_unary_infer(bt_call* c, uint32_t types) {
  if (!bt_is_q8(c->in[0])) BT_TRY(bt_need_type(c, 0, types));
  bt_set_like(c->out[0], c->in[0]);
  return BT_OK;
}

void bt_quant_table(const bt_call* c, bt_row_fn row, int8_t table[256]) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  for (int q = -128; q < 128; ++q) {
    const float real = x->quant->scale[0] * (float)(q - bt_zero_of(x->quant));
    float value = 0;
    row(c, &real, &value, 1);
    const float zero = (float)bt_zero_of(y->quant);
    float steps = rintf(value / y->quant->scale[0]) + zero;
    if (!(steps >= -128.0f)) steps = steps < 0 ? -128.0f : zero; /* NaN becomes the zero point */
    if (steps > 127.0f) steps = 127.0f;
    table[q + 128] = (int8_t)steps;
  }
}

bt_status bt_unary_prepare(bt_call* c, bt_row_fn row) {
  if (!bt_is_q8(c->in[0])) return BT_OK;
  BT_TRY(bt_need_q8(c, 0, 1));
  int8_t* table = bt_keep_plan(c, 256);
  if (!table) return bt_fail_memory(c);
  bt_quant_table(c, row, table);
  c->plan = table;
  return BT_OK;
}

typedef struct unary_job {
  const bt_call* c;
  bt_row_fn row;
  bt_one_fn one;
  const bt_tensor* x;
  bt_tensor* y;
} unary_job;

static void unary_part(void* arg, int64_t begin, int64_t end, int thread) {
  const unary_job* j = arg;
  const size_t n = (size_t)(end - begin);
  (void)thread;
  if (j->x->dtype == BT_F32 && j->row) {
    j->row(j->c, (const float*)j->x->data + begin, (float*)j->y->data + begin, n);
  } else if (j->x->dtype == BT_F32) {
    for (int64_t i = begin; i < end; ++i)
      ((float*)j->y->data)[i] = (float)j->one(j->c, (double)((const float*)j->x->data)[i]);
  } else if (j->x->dtype == BT_F64) {
    for (int64_t i = begin; i < end; ++i)
      ((double*)j->y->data)[i] = j->one(j->c, ((const double*)j->x->data)[i]);
  } else {
    const int8_t* x = (const int8_t*)j->x->data + begin;
    bt_call_kernels(j->c)->table_s8(x, (int8_t*)j->y->data + begin, n, j->c->plan);
  }
}

bt_status bt_unary_run(bt_call* c, bt_row_fn row, bt_one_fn one) {
  unary_job j = {.c = c, .row = row, .one = one, .x = c->in[0], .y = c->out[0]};
  bt_parallel(c, bt_count(j.x), GRAIN, unary_part, &j);
  return BT_OK;
}

bt_status bt_unary_double(bt_call* c, bt_one_fn one) { return bt_unary_run(c, NULL, one); }

/* ---- one operand of any type ---- */

typedef struct map_job {
  const bt_call* c;
  bt_map_fn row;
  const unsigned char* x;
  unsigned char* y;
  size_t element, result; /* bytes */
} map_job;

static void map_part(void* arg, int64_t begin, int64_t end, int thread) {
  const map_job* j = arg;
  (void)thread;
  j->row(j->c, j->x + (size_t)begin * j->element, j->y + (size_t)begin * j->result, end - begin);
}

bt_status bt_map_run(bt_call* c, bt_map_fn row) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  map_job j = {.c = c, .row = row, .x = x->data, .y = y->data,
               .element = bt_dtype_size(x->dtype), .result = bt_dtype_size(y->dtype)};
  bt_parallel(c, bt_count(x), GRAIN, map_part, &j);
  return BT_OK;
}

bt_status bt_number_run(bt_call* c, const bt_map_fn integers[BT_DTYPE_COUNT], bt_row_fn row,
                        bt_one_fn one) {
  const bt_map_fn whole = integers[c->in[0]->dtype];
  return whole && !bt_is_q8(c->in[0]) ? bt_map_run(c, whole) : bt_unary_run(c, row, one);
}

/* ---- two operands ---- */

bt_status bt_binary_infer(bt_call* c, uint32_t types, bt_dtype result) {
  BT_TRY(bt_need_type(c, 0, types));
  BT_TRY(bt_need_same_type(c, 0, 1));
  return bt_infer_broadcast(c, 0, 2, result ? result : c->in[0]->dtype);
}

typedef struct binary_job {
  const bt_kernels* k;
  bt_row2_fn row;
  bt_row2_s8_fn row_s8; /* in place of `row` */
  const void* plan;
  const unsigned char *a, *b;
  unsigned char* y;
  size_t a_size, b_size, y_size; /* bytes of an element */
  bt_walk walk;
  int64_t split; /* parts are pieces of the inner dimension: there is one row only */
} binary_job;

static void plain_row(const binary_job* j, const unsigned char* a, const unsigned char* b,
                      unsigned char* y, int64_t n, int a_step, int b_step) {
  if (j->row_s8)
    j->row_s8(j->k, j->plan, (const int8_t*)a, (const int8_t*)b, (int8_t*)y, (size_t)n,
              bt_operand_of(a_step, b_step));
  else
    j->row(j->k, a, b, y, n, a_step, b_step);
}

/* n elements from a, b on. Where an operand beyond these two is the longer one, both repeat. */
static void binary_row(const binary_job* j, const unsigned char* a, const unsigned char* b,
                       unsigned char* y, int64_t n) {
  const int a_step = (int)j->walk.inner_stride[0], b_step = (int)j->walk.inner_stride[1];
  if (a_step || b_step) {
    plain_row(j, a, b, y, n, a_step, b_step);
    return;
  }
  plain_row(j, a, b, y, 1, 0, 0);
  for (int64_t i = 1; i < n; ++i) memcpy(y + (size_t)i * j->y_size, y, j->y_size);
}

static void binary_part(void* arg, int64_t begin, int64_t end, int thread) {
  const binary_job* j = arg;
  bt_walk w = j->walk;
  (void)thread;
  if (j->split) {
    binary_row(j, j->a + (size_t)(begin * w.inner_stride[0]) * j->a_size,
               j->b + (size_t)(begin * w.inner_stride[1]) * j->b_size,
               j->y + (size_t)begin * j->y_size, end - begin);
    return;
  }
  bt_walk_seek(&w, begin);
  for (int64_t row = begin; row < end; ++row) {
    binary_row(j, j->a + (size_t)w.offset[0] * j->a_size, j->b + (size_t)w.offset[1] * j->b_size,
               j->y + (size_t)(row * w.inner) * j->y_size, w.inner);
    bt_walk_next(&w);
  }
}

static void binary_run(bt_call* c, binary_job* j, const bt_tensor* a, const bt_tensor* b,
                       bt_tensor* y) {
  int64_t strides[2][BT_MAX_RANK];
  bt_broadcast_strides(a, y, strides[0]);
  bt_broadcast_strides(b, y, strides[1]);
  j->k = bt_call_kernels(c);
  j->a = a->data;
  j->b = b->data;
  j->y = y->data;
  j->a_size = bt_dtype_size(a->dtype);
  j->b_size = bt_dtype_size(b->dtype);
  j->y_size = bt_dtype_size(y->dtype);
  bt_walk_begin(&j->walk, y->rank, y->dims, 2, strides);
  j->split = j->walk.rows == 1;
  if (j->split) bt_parallel(c, j->walk.inner, GRAIN, binary_part, j);
  else bt_parallel(c, j->walk.rows, GRAIN / (j->walk.inner + 1) + 1, binary_part, j);
}

void bt_binary_run(bt_call* c, const bt_tensor* a, const bt_tensor* b, bt_tensor* y,
                   bt_row2_fn row) {
  binary_job j = {.row = row};
  binary_run(c, &j, a, b, y);
}

void bt_binary_s8_run(bt_call* c, bt_row2_s8_fn row) {
  binary_job j = {.row_s8 = row, .plan = c->plan};
  binary_run(c, &j, c->in[0], c->in[1], c->out[0]);
}

/* ---- more operands ---- */

bt_status bt_variadic_infer(bt_call* c, uint32_t types) {
  BT_TRY(bt_need_type(c, 0, types));
  for (int i = 0; i < c->n_in; ++i) {
    if (!c->in[i]) return bt_fail(c, BT_BAD_INPUT, "input %d is missing", i);
    BT_TRY(bt_need_same_type(c, 0, i));
  }
  return bt_infer_broadcast(c, 0, c->n_in, c->in[0]->dtype);
}

bt_status bt_variadic_run_on(bt_call* c, const bt_tensor* const* in, bt_row2_fn row) {
  bt_tensor* y = c->out[0];
  if (c->n_in == 1) {
    bt_copy_values(y, in[0]);
    return BT_OK;
  }
  bt_binary_run(c, in[0], in[1], y, row);
  for (int i = 2; i < c->n_in; ++i) bt_binary_run(c, y, in[i], y, row);
  return BT_OK;
}

bt_status bt_variadic_run(bt_call* c, bt_row2_fn row) { return bt_variadic_run_on(c, c->in, row); }
