/* SPDX-License-Identifier: Apache-2.0
   Expand: the input repeated so that its shape becomes the broadcast of its own and the one in
   input 1. */
#include "ops/shared/move.h"
#include "runtime/shape.h"

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *list = c->in[1];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, 1, -1, "the shape"));
  if (!bt_has_rank(x) || list->rank != 1 || !bt_known(list->dims[0])) return BT_OK;
  BT_TRY(bt_need_max_rank(c, list->dims[0]));
  bt_tensor wanted = {.rank = (int)list->dims[0]};
  for (int d = 0; d < wanted.rank; ++d) {
    wanted.dims[d] = -1;
    if (bt_has_partial(c, 1)) BT_TRY(bt_value_dim(c, 1, d, "the shape", &wanted.dims[d]));
  }
  c->out[0]->dtype = x->dtype;
  return bt_broadcast(c, x, &wanted, c->out[0]);
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  int64_t x_strides[BT_MAX_RANK], y_strides[BT_MAX_RANK];
  bt_broadcast_strides(x, y, x_strides);
  bt_strides(y, y_strides);
  bt_move(c, y->rank, y->dims, x->data, x_strides, y->data, y_strides, bt_dtype_size(y->dtype));
  return BT_OK;
}

const bt_op bt_op_expand = {.name = "Expand",
                            .summary = "A tensor repeated to a broadcast shape.",
                            .in_min = 2,
                            .in_max = 2,
                            .out_min = 1,
                            .out_max = 1,
                            .layout = BT_LAYOUT_PADS,
                            .quant = BT_QUANT_SAME,
                            .infer = infer,
                            .run = run};
