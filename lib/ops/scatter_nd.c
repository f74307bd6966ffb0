/* SPDX-License-Identifier: Apache-2.0
   ScatterND: a copy of the data in which the parts that tuples of indices name (the last axis of
   input 1) have become the updates, or have been joined with them by `reduction`. Updates are taken
   in their order; the last one of the same place wins. */
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/index.h"
#include "ops/shared/move.h"
#include "ops/shared/scatter.h"

enum { DATA, INDICES, UPDATES };
enum { REDUCTION };
static const bt_attr_spec attrs[] = {
    {.name = "reduction", .kind = BT_ENUM, .words = BT_REDUCTION_WORDS}, {0}};

/* Updates have a part of the data for every tuple. */
static bt_status check_updates(bt_call* c) {
  const bt_tensor *x = c->in[DATA], *indices = c->in[INDICES], *updates = c->in[UPDATES];
  const int64_t tuple = indices->dims[indices->rank - 1];
  if (!bt_known(tuple)) return BT_OK;
  BT_TRY(bt_need_tuple(c, INDICES, x->rank));
  bt_tensor wanted = {.rank = indices->rank - 1 + x->rank - (int)tuple};
  BT_TRY(bt_need_max_rank(c, wanted.rank));
  for (int d = 0; d < indices->rank - 1; ++d) wanted.dims[d] = indices->dims[d];
  for (int d = (int)tuple; d < x->rank; ++d)
    wanted.dims[indices->rank - 1 + d - tuple] = x->dims[d];
  int fits = !bt_has_rank(updates) || updates->rank == wanted.rank;
  for (int d = 0; fits && d < updates->rank; ++d)
    fits = !bt_clash(updates->dims[d], wanted.dims[d]);
  if (fits) return BT_OK;
  char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
  return bt_fail(c, BT_BAD_INPUT, "updates have shape %s; data and indices need %s",
                 bt_shape_text(updates, p), bt_shape_text(&wanted, q));
}

static bt_status infer(bt_call* c) {
  BT_TRY(bt_scatter_infer(c, (bt_reduction)c->attr[REDUCTION].i));
  BT_TRY(bt_need_type(c, INDICES, BT_BIT(BT_I64)));
  BT_TRY(bt_need_rank_between(c, DATA, 1, BT_MAX_RANK));
  BT_TRY(bt_need_rank_between(c, INDICES, 1, BT_MAX_RANK));
  return bt_has_rank(c->in[DATA]) && bt_has_rank(c->in[INDICES]) ? check_updates(c) : BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[DATA], *indices = c->in[INDICES], *updates = c->in[UPDATES];
  bt_tensor* y = c->out[0];
  const bt_row2_fn row = bt_reduction_row((bt_reduction)c->attr[REDUCTION].i, x->dtype);
  const bt_kernels* k = bt_call_kernels(c);
  bt_tuples tuples;
  BT_TRY(bt_tuples_read(c, INDICES, x, 0, &tuples));
  bt_copy_values(y, x);
  const int64_t n = bt_extent(indices, 0, indices->rank - 1);
  const int64_t part = bt_extent(x, tuples.size, x->rank);
  if (part == 0 || bt_count(x) == 0) return BT_OK;
  for (int64_t i = 0; i < n; ++i) {
    void* to = bt_element(y, bt_tuple_at(&tuples, i));
    const void* from = bt_element(updates, i * part);
    if (row) row(k, to, from, to, part, 1, 1);
    else memcpy(to, from, (size_t)part * bt_dtype_size(x->dtype));
  }
  return BT_OK;
}

const bt_op bt_op_scatter_nd = {
    .name = "ScatterND", .summary = "Parts replaced or updated, by tuples of indices.",
    .attrs = attrs, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .infer = infer, .run = run};
