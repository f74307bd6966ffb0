/* SPDX-License-Identifier: Apache-2.0
   Unsqueeze: with further axes of length 1, at the places of the output that input 1 names. The
   bytes stay. */
#include "ops/shared/index.h"

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *list = c->in[1];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_TYPES_INDEX));
  if (list->rank > 1) BT_TRY(bt_need_vector(c, 1, -1, "axes"));
  if (!bt_has_rank(x) || !bt_has_rank(list)) return BT_OK;
  const int64_t more = list->rank == 0 ? 1 : list->dims[0]; /* some exporters write a scalar */
  if (!bt_known(more)) return BT_OK;
  BT_TRY(bt_need_max_rank(c, bt_dim_add(more, x->rank)));
  const int rank = x->rank + (int)more;
  int64_t dims[BT_MAX_RANK];
  int marked[BT_MAX_RANK];
  if (bt_has_values(c, 1)) {
    int64_t axes[BT_MAX_RANK];
    for (int i = 0; i < more; ++i) axes[i] = bt_get_int(list, i);
    BT_TRY(bt_need_axes(c, axes, more, rank, marked));
    for (int d = 0, from = 0; d < rank; ++d) dims[d] = marked[d] ? 1 : x->dims[from++];
  } else {
    for (int d = 0; d < rank; ++d) dims[d] = -1;
  }
  bt_set_shape(c->out[0], x->dtype, rank, dims);
  return BT_OK;
}

const bt_op bt_op_unsqueeze = {
    .name = "Unsqueeze", .summary = "With further axes of length 1.", .in_min = 2, .in_max = 2,
    .out_min = 1, .out_max = 1, .flags = BT_OP_VIEW, .quant = BT_QUANT_SAME, .infer = infer};
