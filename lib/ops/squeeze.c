/* SPDX-License-Identifier: Apache-2.0
   Squeeze: without axes of length 1, those in input 1 or all of them. The bytes stay. */
#include <inttypes.h>

#include "ops/shared/index.h"

/* Without the axes being known: only how many go. */
static void forget_lengths(bt_call* c) {
  const bt_tensor *x = c->in[0], *axes = c->in[1];
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < x->rank; ++d) dims[d] = -1;
  if (axes->rank == 1 && bt_known(axes->dims[0]) && axes->dims[0] <= x->rank)
    bt_set_shape(c->out[0], x->dtype, x->rank - (int)axes->dims[0], dims);
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_vector(c, 1, -1, "axes"));
  if (!bt_has_rank(x)) return BT_OK;
  int axes[BT_MAX_RANK], n = 0, gone[BT_MAX_RANK] = {0};
  BT_TRY(bt_read_axes(c, 1, x->rank, axes, &n));
  if (n < 0) {
    forget_lengths(c);
    return BT_OK;
  }
  for (int i = 0; i < n; ++i) {
    const int64_t length = x->dims[axes[i]];
    if (!bt_given(c, 1) && !bt_known(length)) return BT_OK; /* the rank is not known */
    gone[axes[i]] = bt_given(c, 1) || length == 1;
    if (gone[axes[i]] && bt_clash(length, 1))
      return bt_fail(c, BT_BAD_INPUT, "axis %d has a length of %" PRId64 "; only 1 can go", axes[i],
                     length);
  }
  int64_t dims[BT_MAX_RANK];
  int rank = 0;
  for (int d = 0; d < x->rank; ++d)
    if (!gone[d]) dims[rank++] = x->dims[d];
  bt_set_shape(c->out[0], x->dtype, rank, dims);
  return BT_OK;
}

const bt_op bt_op_squeeze = {
    .name = "Squeeze", .summary = "Without axes of length 1.", .in_min = 1, .in_max = 2,
    .out_min = 1, .out_max = 1, .flags = BT_OP_VIEW, .quant = BT_QUANT_SAME, .infer = infer};
