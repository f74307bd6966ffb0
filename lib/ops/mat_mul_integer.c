/* SPDX-License-Identifier: Apache-2.0
   MatMulInteger: the product of stacks of 8-bit matrices into i32, which wraps around. Zero points,
   inputs 2 and 3, are subtracted first: one number, or one for each row of A and each column of B. */
#include <inttypes.h>

#include "ops/shared/matrix_stack.h"
#include "ops/shared/plain_product.h"
#include "runtime/shape.h"

#define BYTE_TYPES (BT_BIT(BT_I8) | BT_BIT(BT_U8))

/* How the zero points of an operand lie along its axes. A vector beside a left operand belongs to
   its rows. */
static bt_tensor aligned_zero(const bt_tensor* zero, int left) {
  bt_tensor z = *zero;
  if (left && z.rank == 1 && z.dims[0] != 1) z.dims[z.rank++] = 1;
  return z;
}

static bt_status check_zero(bt_call* c, int operand) {
  const int i = operand + 2;
  if (!bt_given(c, i)) return BT_OK;
  BT_TRY(bt_need_same_type(c, operand, i));
  if (!bt_has_rank(c->in[i]) || !bt_has_rank(c->in[operand])) return BT_OK;
  const bt_tensor z = aligned_zero(c->in[i], operand == 0), *x = c->in[operand];
  int fits = z.rank <= x->rank || bt_count(&z) == 1;
  for (int d = 1; d <= z.rank && d <= x->rank && fits; ++d) {
    const int64_t n = z.dims[z.rank - d];
    fits = n == 1 || !bt_clash(n, x->dims[x->rank - d]);
  }
  if (fits) return BT_OK;
  char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
  return bt_fail(c, BT_BAD_INPUT, "zero points of shape %s do not broadcast to input %d, %s",
                 bt_shape_text(c->in[i], p), operand, bt_shape_text(x, q));
}

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BYTE_TYPES));
  BT_TRY(bt_need_type(c, 1, BYTE_TYPES));
  BT_TRY(check_zero(c, 0));
  BT_TRY(check_zero(c, 1));
  return bt_stack_infer(c, BT_I32);
}

/* Both operands are widened before they are multiplied. */
static bt_status prepare(bt_call* c) {
  const int64_t cells = bt_dim_add(bt_count(c->in[0]), bt_count(c->in[1]));
  if (cells > INT64_MAX / 8) return bt_fail_memory(c);
  c->scratch_bytes = (size_t)cells * sizeof(int32_t);
  return BT_OK;
}

typedef struct job {
  const bt_tensor *x, *zero;
  int32_t* to;
  bt_walk walk;
} job;

static void widen_rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  bt_walk w = j->walk;
  (void)thread;
  bt_walk_seek(&w, begin);
  for (int64_t row = begin; row < end; ++row, bt_walk_next(&w))
    for (int64_t i = 0; i < w.inner; ++i) {
      const int64_t at = row * w.inner + i;
      const int32_t x = j->x->dtype == BT_I8 ? ((const int8_t*)j->x->data)[at]
                                             : ((const uint8_t*)j->x->data)[at];
      const int64_t z = j->zero ? bt_get_int(j->zero, w.offset[1] + i * w.inner_stride[1]) : 0;
      j->to[at] = x - (int32_t)z;
    }
}

/* Operand `i` less its zero points. */
static void widen(bt_call* c, int i, int32_t* to) {
  const bt_tensor* x = c->in[i];
  job j = {.x = x, .to = to};
  bt_tensor zero;
  int64_t strides[2][BT_MAX_RANK] = {{0}};
  bt_strides(x, strides[0]);
  if (bt_given(c, i + 2)) {
    zero = aligned_zero(c->in[i + 2], i == 0);
    if (bt_count(&zero) != 1) bt_broadcast_strides(&zero, x, strides[1]);
    j.zero = &zero;
  }
  bt_walk_begin(&j.walk, x->rank, x->dims, 2, strides);
  bt_parallel(c, j.walk.rows, 1 + 8192 / (j.walk.inner + 1), widen_rows, &j);
}

static bt_status run(bt_call* c) {
  if (bt_count(c->out[0]) == 0) return BT_OK;
  int32_t *a = c->scratch, *b = a + bt_count(c->in[0]), *y = c->out[0]->data;
  bt_stack s;
  bt_stack_begin(c, &s);
  widen(c, 0, a);
  widen(c, 1, b);
  bt_plain_start(BT_I32, y, s.items * s.rows, s.cols, NULL);
  for (int64_t item = 0; item < s.items; ++item) {
    int64_t a_at, b_at;
    bt_stack_locate(&s, item, &a_at, &b_at);
    bt_plain_product_run(c, &(bt_plain_product){
                                .type = BT_I32, .rows = s.rows, .cols = s.cols, .depth = s.depth,
                                .a = a + a_at, .b = b + b_at, .y = y + item * s.rows * s.cols,
                                .a_row = s.depth, .a_depth = 1, .b_depth = s.cols, .b_col = 1,
                                .y_row = s.cols});
  }
  return BT_OK;
}

static int64_t macs(const bt_call* c) {
  return bt_dim_mul(bt_count(c->out[0]), bt_matrix_depth(c->in[1]));
}

const bt_op bt_op_mat_mul_integer = {
    .name = "MatMulInteger", .summary = "Matrix product of 8-bit integers into 32 bits.",
    .in_min = 2, .in_max = 4, .out_min = 1, .out_max = 1, .infer = infer, .prepare = prepare,
    .run = run, .macs = macs};
