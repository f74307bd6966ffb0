/* SPDX-License-Identifier: Apache-2.0
   GatherND: the last axis of the indices holds tuples, each of which names a place on the axes of
   the data behind the first `batch_dims`; the result has what lies there. */
#include <string.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { BATCH_DIMS };
static const bt_attr_spec attrs[] = {{.name = "batch_dims", .kind = BT_INT}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *indices = c->in[1];
  const int64_t batch = c->attr[BATCH_DIMS].i;
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_rank_between(c, 0, 1, BT_MAX_RANK));
  BT_TRY(bt_need_rank_between(c, 1, 1, BT_MAX_RANK));
  if (!bt_has_rank(x) || !bt_has_rank(indices)) return BT_OK;
  if (batch < 0 || batch >= x->rank || batch >= indices->rank)
    return bt_fail(c, BT_BAD_INPUT,
                   "batch_dims is %lld; inputs of ranks %d and %d can share fewer axes",
                   (long long)batch, x->rank, indices->rank);
  int64_t dims[2 * BT_MAX_RANK];
  int rank = 0;
  for (int d = 0; d < batch; ++d)
    if (bt_clash(x->dims[d], indices->dims[d]))
      return bt_fail(c, BT_BAD_INPUT, "axis %d of a batch has lengths %lld and %lld", d,
                     (long long)x->dims[d], (long long)indices->dims[d]);
  for (int d = 0; d < indices->rank - 1; ++d) dims[rank++] = indices->dims[d];
  const int64_t tuple = indices->dims[indices->rank - 1];
  if (!bt_known(tuple)) return BT_OK;
  BT_TRY(bt_need_tuple(c, 1, x->rank - (int)batch));
  bt_tuples known;
  if (indices->data && bt_has_shape(indices) && bt_has_shape(x))
    BT_TRY(bt_tuples_read(c, 1, x, (int)batch, &known));
  for (int d = (int)(batch + tuple); d < x->rank; ++d) dims[rank++] = x->dims[d];
  BT_TRY(bt_need_max_rank(c, rank));
  bt_set_shape(c->out[0], x->dtype, rank, dims);
  return BT_OK;
}

typedef struct job {
  const unsigned char* x;
  unsigned char* y;
  bt_tuples tuples;
  int64_t per_batch, batch_step, block; /* tuples; elements of x; bytes */
  int64_t element;
} job;

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  (void)thread;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t from = i / j->per_batch * j->batch_step + bt_tuple_at(&j->tuples, i);
    memcpy(j->y + i * j->block, j->x + from * j->element, (size_t)j->block);
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *indices = c->in[1];
  const int batch = (int)c->attr[BATCH_DIMS].i, last = indices->rank - 1;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  const int64_t element = (int64_t)bt_dtype_size(x->dtype);
  job j = {.x = x->data,
           .y = c->out[0]->data,
           .element = element,
           .per_batch = bt_extent(indices, batch, last),
           .batch_step = bt_extent(x, batch, x->rank)};
  BT_TRY(bt_tuples_read(c, 1, x, batch, &j.tuples));
  j.block = element * bt_extent(x, batch + j.tuples.size, x->rank);
  bt_parallel(c, bt_extent(indices, 0, last), 1 + 16384 / j.block, part, &j);
  return BT_OK;
}

const bt_op bt_op_gather_nd = {
    .name = "GatherND", .summary = "Parts of a tensor, by tuples of indices.", .attrs = attrs,
    .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .quant = BT_QUANT_SAME, .infer = infer,
    .run = run};
