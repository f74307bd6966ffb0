/* SPDX-License-Identifier: Apache-2.0
   CenterCropPad: brings axes to the lengths in input 1. Longer ones lose entries at both ends,
   shorter ones get zeros there; if the difference is odd, one entry more at the end. */
#include <string.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { AXES };
static const bt_attr_spec attrs[] = {{.name = "axes", .kind = BT_INTS}, {0}};

/* For each axis the place of its new length in input 1, -1 where it keeps its length. */
static bt_status read_places(bt_call* c, int places[BT_MAX_RANK]) {
  const bt_attr* axes = &c->attr[AXES];
  const bt_tensor *x = c->in[0], *shape = c->in[1];
  const int n = axes->n ? axes->n : x->rank;
  if (shape->rank == 1 && bt_clash(shape->dims[0], n))
    return bt_fail(c, BT_BAD_INPUT, "the shape has %lld lengths for %d axes",
                   (long long)shape->dims[0], n);
  for (int d = 0; d < x->rank; ++d) places[d] = axes->n ? -1 : d;
  int marked[BT_MAX_RANK];
  BT_TRY(bt_need_axes(c, axes->u.ints, axes->n, x->rank, marked));
  for (int i = 0; i < axes->n; ++i)
    places[axes->u.ints[i] < 0 ? axes->u.ints[i] + x->rank : axes->u.ints[i]] = i;
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_TYPES_INDEX));
  BT_TRY(bt_need_vector(c, 1, -1, "the shape"));
  if (!bt_has_rank(x)) return BT_OK;
  int places[BT_MAX_RANK];
  int64_t dims[BT_MAX_RANK];
  BT_TRY(read_places(c, places));
  for (int d = 0; d < x->rank; ++d) {
    dims[d] = places[d] < 0 ? x->dims[d] : -1;
    if (places[d] >= 0 && bt_has_partial(c, 1))
      BT_TRY(bt_value_dim(c, 1, places[d], "the shape", &dims[d]));
  }
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  int64_t box[BT_MAX_RANK], x_strides[BT_MAX_RANK], y_strides[BT_MAX_RANK], from = 0, to = 0;
  int crops_only = 1, empty = bt_count(x) == 0;
  bt_strides(x, x_strides);
  bt_strides(y, y_strides);
  for (int d = 0; d < x->rank; ++d) {
    const int64_t more = y->dims[d] - x->dims[d];
    box[d] = more < 0 ? y->dims[d] : x->dims[d];
    if (more < 0) from += -more / 2 * x_strides[d];
    else to += more / 2 * y_strides[d];
    if (more > 0) crops_only = 0;
  }
  if (bt_count(y) == 0) return BT_OK;
  if (!crops_only) memset(y->data, 0, bt_bytes(y));
  if (!empty)
    bt_move(c, x->rank, box, bt_element(x, from), x_strides, bt_element(y, to), y_strides,
            bt_dtype_size(y->dtype));
  return BT_OK;
}

const bt_op bt_op_center_crop_pad = {
    .name = "CenterCropPad", .summary = "Axes cut or padded at both ends to given lengths.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
