/* SPDX-License-Identifier: Apache-2.0
   Det: the determinant of each matrix of a stack [..., M, M], by elimination with the largest pivot
   of every column, in doubles. An empty matrix has determinant 1. */
#include <inttypes.h>
#include <math.h>

#include "runtime/shape.h"

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  BT_TRY(bt_need_rank_between(c, 0, 2, BT_MAX_RANK));
  if (!bt_has_rank(x)) {
    bt_set_unranked(c->out[0], x->dtype);
    return BT_OK;
  }
  const int64_t rows = x->dims[x->rank - 2], cols = x->dims[x->rank - 1];
  if (bt_clash(rows, cols))
    return bt_fail(c, BT_BAD_INPUT, "matrices of %" PRId64 " by %" PRId64 " are not square", rows, cols);
  bt_set_shape(c->out[0], x->dtype, x->rank - 2, x->dims);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int64_t side = x->dims[x->rank - 1], threads = bt_threads(c);
  if (bt_count(x) == 0) return BT_OK;
  c->scratch_bytes = (size_t)(side * side * threads) * sizeof(double);
  return BT_OK;
}

static double determinant(double* a, int64_t n) {
  double result = 1;
  for (int64_t col = 0; col < n; ++col) {
    int64_t pivot = col;
    for (int64_t r = col + 1; r < n; ++r)
      if (fabs(a[r * n + col]) > fabs(a[pivot * n + col])) pivot = r;
    if (pivot != col) {
      for (int64_t j = col; j < n; ++j) {
        const double swapped = a[col * n + j];
        a[col * n + j] = a[pivot * n + j];
        a[pivot * n + j] = swapped;
      }
      result = -result;
    }
    const double head = a[col * n + col];
    result *= head;
    if (head == 0) return result;
    for (int64_t r = col + 1; r < n; ++r) {
      const double factor = -a[r * n + col] / head;
      for (int64_t j = col + 1; j < n; ++j) a[r * n + j] = fma(factor, a[col * n + j], a[r * n + j]);
    }
  }
  return result;
}

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_call* c = arg;
  const int64_t side = c->in[0]->dims[c->in[0]->rank - 1];
  double* a = (double*)c->scratch + thread * side * side;
  for (int64_t m = begin; m < end; ++m) {
    for (int64_t i = 0; i < side * side; ++i) a[i] = bt_get(c->in[0], m * side * side + i);
    bt_put(c->out[0], m, determinant(a, side));
  }
}

static bt_status run(bt_call* c) {
  const int64_t side = c->in[0]->dims[c->in[0]->rank - 1];
  bt_parallel(c, bt_count(c->out[0]), 1 + 10000 / (side * side * side + 1), part, c);
  return BT_OK;
}

const bt_op bt_op_det = {
    .name = "Det", .summary = "Determinants of square matrices.", .in_min = 1, .in_max = 1,
    .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_EXTRA, .infer = infer,
    .prepare = prepare, .run = run};
