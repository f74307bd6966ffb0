/* SPDX-License-Identifier: Apache-2.0
   The frame of reductions: which elements belong to which output. How they are folded is in
   fold.c. */
#include "ops/shared/reduce.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/fold.h"
#include "ops/shared/requant.h"
#include "ops/shared/window.h"

/* ---- shapes ---- */

static void set_reduced(bt_call* c, const int* marked, int keepdims) {
  const bt_tensor* x = c->in[0];
  int64_t dims[BT_MAX_RANK];
  int rank = 0;
  for (int d = 0; d < x->rank; ++d) {
    if (!marked[d]) dims[rank++] = x->dims[d];
    else if (keepdims) dims[rank++] = 1;
  }
  bt_set_shape(c->out[0], x->dtype, rank, dims);
}

/* Marks what is reduced; *noop: nothing is. The values of the axes are known. */
static bt_status read_axes(bt_call* c, int* marked, int* noop) {
  const int rank = c->in[0]->rank;
  const int64_t n = bt_given(c, 1) ? bt_count(c->in[1]) : 0;
  *noop = n == 0 && c->attr[BT_REDUCE_NOOP].i != 0;
  if (n == 0) {
    for (int d = 0; d < BT_MAX_RANK; ++d) marked[d] = !*noop;
    return BT_OK;
  }
  if (n > rank)
    return bt_fail(c, BT_BAD_INPUT, "axes has %" PRId64 " numbers for an input of rank %d", n,
                   rank);
  int64_t axes[BT_MAX_RANK];
  for (int64_t i = 0; i < n; ++i) axes[i] = bt_value_at(c, 1, i);
  return bt_need_axes(c, axes, n, rank, marked);
}

bt_status bt_reduce_infer(bt_call* c, uint32_t types, int quantized) {
  const bt_tensor* x = c->in[0];
  if (!quantized || !bt_is_q8(x)) BT_TRY(bt_need_type(c, 0, types));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, 1, -1, "axes"));
  if (!bt_has_rank(x)) return BT_OK;
  const int keepdims = c->attr[BT_REDUCE_KEEPDIMS].i != 0;
  int marked[BT_MAX_RANK], noop = 0;
  if (!bt_given(c, 1) || bt_has_values(c, 1)) {
    BT_TRY(read_axes(c, marked, &noop));
    set_reduced(c, marked, keepdims);
    return BT_OK;
  }
  /* axes that are computed: at most the rank is certain */
  const int64_t n = bt_has_shape(c->in[1]) ? c->in[1]->dims[0] : -1;
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < BT_MAX_RANK; ++d) dims[d] = -1;
  if (keepdims) bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  else if (n > 0 && n <= x->rank) bt_set_shape(c->out[0], x->dtype, x->rank - (int)n, dims);
  return BT_OK;
}

/* ---- computation ---- */

typedef struct job {
  bt_fold_job fold;
  bt_walk kept; /* one round for each run of neighbours in the output */
  bt_fold_fn segment;
} job;

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  bt_walk kept = j->kept, inside = j->fold.inside;
  (void)thread;
  for (int64_t o = begin; o < end;) {
    const int64_t at = o % kept.inner;
    int64_t n = 1;
    if (j->fold.columns) {
      n = kept.inner - at < end - o ? kept.inner - at : end - o;
      if (n > BT_FOLD_COLUMNS) n = BT_FOLD_COLUMNS;
    }
    bt_walk_seek(&kept, o / kept.inner);
    j->segment(&j->fold, &inside, kept.offset[0] + at * kept.inner_stride[0], o, (int)n);
    o += n;
  }
}

void bt_reduce(bt_call* c, const bt_tensor* x, bt_tensor* y, const bt_reduction* r,
               const int* marked) {
  int64_t own[BT_MAX_RANK], strides[2][1][BT_MAX_RANK], dims[2][BT_MAX_RANK];
  int rank[2] = {0, 0};
  int64_t counts[2] = {1, 1};
  bt_strides(x, own);
  for (int d = 0; d < x->rank; ++d) {
    const int side = marked[d] != 0;
    dims[side][rank[side]] = x->dims[d];
    strides[side][0][rank[side]++] = own[d];
    counts[side] *= x->dims[d];
  }
  job j = {.fold = {.x = x, .y = y, .r = r, .k = bt_call_kernels(c), .count = counts[1]}};
  bt_walk_begin(&j.kept, rank[0], dims[0], 1, strides[0]);
  bt_walk_begin(&j.fold.inside, rank[1], dims[1], 1, strides[1]);
  /* the innermost axis longer than 1 has steps of 1: it is either kept or reduced */
  j.fold.columns = j.kept.inner > 1 && j.kept.inner_stride[0] == 1;
  j.segment = bt_fold_for(&j.fold);
  bt_parallel(c, counts[0], 1 + 16384 / (counts[1] + 1), part, &j);
}

bt_status bt_reduce_run(bt_call* c, const bt_reduction* r) {
  int marked[BT_MAX_RANK], noop = 0;
  BT_TRY(read_axes(c, marked, &noop));
  if (noop) bt_copy_values(c->out[0], c->in[0]);
  else bt_reduce(c, c->in[0], c->out[0], r, marked);
  return BT_OK;
}

/* ---- global pooling ---- */

static void mark_spatial(const bt_call* c, int layout, int* marked) {
  const int rank = c->in[0]->rank;
  const int channel = c->attr[layout].i ? rank - 1 : 1;
  for (int d = 0; d < rank; ++d) marked[d] = d != 0 && d != channel;
}

bt_status bt_global_infer(bt_call* c, uint32_t types, int layout) {
  const bt_tensor* x = c->in[0];
  if (!bt_is_q8(x)) BT_TRY(bt_need_type(c, 0, types));
  BT_TRY(bt_need_rank_between(c, 0, 2, BT_MAX_RANK));
  if (!bt_has_rank(x)) return BT_OK;
  int marked[BT_MAX_RANK];
  mark_spatial(c, layout, marked);
  set_reduced(c, marked, 1);
  return BT_OK;
}

bt_status bt_global_run(bt_call* c, const bt_reduction* r, int layout) {
  int marked[BT_MAX_RANK];
  mark_spatial(c, layout, marked);
  bt_reduce(c, c->in[0], c->out[0], r, marked);
  return BT_OK;
}

bt_status bt_reduce_need_q8(bt_call* c) {
  if (!bt_is_q8(c->in[0])) return BT_OK;
  BT_TRY(bt_need_q8(c, 0, 1));
  const float x = c->in[0]->quant->scale[0], y = c->out[0]->quant->scale[0];
  if (isfinite(x / y)) return BT_OK;
  return bt_fail(c, BT_UNSUPPORTED, "scale %g of input 0 is too far from the output's, %g",
                 (double)x, (double)y);
}

static float mean_f32(float v, float n) { return v / n; }
static double mean_f64(double v, double n) { return v / n; }
static int64_t mean_int(int64_t v, int64_t n) { return n ? v / n : 0; }
const bt_reduction bt_reduction_mean = {BT_FOLD_SUM, mean_f32, mean_f64, mean_int, 0};
