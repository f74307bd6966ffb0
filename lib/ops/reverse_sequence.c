/* SPDX-License-Identifier: Apache-2.0
   ReverseSequence: the first sequence_lens[b] entries of sequence b in reverse order, the others as
   they are. Sequences lie along time_axis, one for each entry of batch_axis. */
#include <inttypes.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { BATCH_AXIS, TIME_AXIS };
static const bt_attr_spec attrs[] = {{.name = "batch_axis", .kind = BT_INT, .i = 1},
                                     {.name = "time_axis", .kind = BT_INT},
                                     {0}};

static bt_status read_axes(bt_call* c, int* batch, int* time) {
  const int rank = c->in[0]->rank;
  BT_TRY(bt_need_axis(c, c->attr[BATCH_AXIS].i, rank, "batch_axis", batch));
  BT_TRY(bt_need_axis(c, c->attr[TIME_AXIS].i, rank, "time_axis", time));
  if (*batch == *time)
    return bt_fail(c, BT_BAD_INPUT, "batch_axis and time_axis are both %d", *time);
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_rank_between(c, 0, 2, BT_MAX_RANK));
  if (bt_has_rank(x)) {
    int batch = 0, time = 0;
    BT_TRY(read_axes(c, &batch, &time));
    BT_TRY(bt_need_vector(c, 1, x->dims[batch], "sequence_lens"));
  }
  bt_set_like(c->out[0], x);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  int batch = 0, time = 0;
  BT_TRY(read_axes(c, &batch, &time));
  const size_t size = bt_dtype_size(x->dtype);
  const int64_t length = x->dims[time];
  int64_t dims[BT_MAX_RANK], strides[BT_MAX_RANK], back[BT_MAX_RANK];
  bt_strides(x, strides);
  for (int d = 0; d < x->rank; ++d) {
    dims[d] = x->dims[d];
    back[d] = d == time ? -strides[d] : strides[d];
  }
  dims[batch] = 1;
  for (int64_t b = 0; b < x->dims[batch]; ++b) {
    const int64_t n = bt_get_int(c->in[1], b), at = b * strides[batch];
    if (n < 0 || n > length)
      return bt_fail(c, BT_BAD_INPUT,
                     "sequence_lens[%" PRId64 "] is %" PRId64
                     "; the time axis has a "
                     "length of %" PRId64,
                     b, n, length);
    if (bt_count(x) == 0) continue;
    dims[time] = n;
    if (n > 0)
      bt_move(c, x->rank, dims, bt_element(x, at + (n - 1) * strides[time]), back,
              bt_element(y, at), strides, size);
    dims[time] = length - n;
    const int64_t rest = at + n * strides[time];
    if (n < length)
      bt_move(c, x->rank, dims, bt_element(x, rest), strides, bt_element(y, rest), strides, size);
  }
  return BT_OK;
}

const bt_op bt_op_reverse_sequence = {
    .name = "ReverseSequence", .summary = "The first entries of each sequence in reverse order.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .quant = BT_QUANT_SAME,
    .infer = infer, .run = run};
