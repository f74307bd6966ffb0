/* SPDX-License-Identifier: Apache-2.0
   Squares of pixels against groups of channels. Both images have the same six axes: batch, channel,
   row, row in the square, column, column in the square; only their strides differ. */
#include "ops/shared/blocks.h"

#include "ops/shared/move.h"
#include "runtime/shape.h"

enum { N, C, H, W };

/* Where axes N, C, H, W of an image are. */
static int place(int last, int axis) {
  static const int first_places[4] = {0, 1, 2, 3}, last_places[4] = {0, 3, 1, 2};
  return last ? last_places[axis] : first_places[axis];
}

bt_status bt_blocks_input(bt_call* c, const bt_blocks_shape* s, int64_t dims[4]) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_rank(c, 0, 4));
  if (s->block < 1)
    return bt_fail(c, BT_BAD_INPUT, "blocksize is %lld; it must be at least 1",
                   (long long)s->block);
  for (int a = 0; a < 4; ++a) dims[a] = bt_has_rank(x) ? x->dims[place(s->last, a)] : -1;
  return BT_OK;
}

void bt_blocks_output(bt_call* c, const bt_blocks_shape* s, const int64_t dims[4]) {
  int64_t placed[4];
  for (int a = 0; a < 4; ++a) placed[place(s->last, a)] = dims[a];
  bt_set_shape(c->out[0], c->in[0]->dtype, 4, placed);
}

void bt_blocks_move(bt_call* c, const bt_blocks_shape* s, int to_space) {
  enum { BATCH, CHANNEL, ROW, ROW_IN, COL, COL_IN };
  const bt_tensor* deep = to_space ? c->in[0] : c->out[0];
  const bt_tensor* large = to_space ? c->out[0] : c->in[0];
  if (bt_count(deep) == 0) return;
  const int64_t b = s->block;
  int64_t dims[6], of_deep[6], of_large[6], strides[BT_MAX_RANK];
  dims[BATCH] = deep->dims[0];
  dims[CHANNEL] = large->dims[place(s->last, C)];
  dims[ROW] = deep->dims[place(s->last, H)];
  dims[COL] = deep->dims[place(s->last, W)];
  dims[ROW_IN] = dims[COL_IN] = b;
  bt_strides(large, strides);
  of_large[BATCH] = strides[0];
  of_large[CHANNEL] = strides[place(s->last, C)];
  of_large[ROW_IN] = strides[place(s->last, H)];
  of_large[ROW] = of_large[ROW_IN] * b;
  of_large[COL_IN] = strides[place(s->last, W)];
  of_large[COL] = of_large[COL_IN] * b;
  bt_strides(deep, strides);
  const int64_t channel = strides[place(s->last, C)];
  of_deep[BATCH] = strides[0];
  of_deep[CHANNEL] = channel * (s->crd ? b * b : 1);
  of_deep[ROW_IN] = channel * b * (s->crd ? 1 : dims[CHANNEL]);
  of_deep[COL_IN] = channel * (s->crd ? 1 : dims[CHANNEL]);
  of_deep[ROW] = strides[place(s->last, H)];
  of_deep[COL] = strides[place(s->last, W)];
  /* in the order of the output's bytes, as far as its channels' place goes */
  static const int first_order[6] = {BATCH, CHANNEL, ROW, ROW_IN, COL, COL_IN};
  static const int last_order[6] = {BATCH, ROW, ROW_IN, COL, COL_IN, CHANNEL};
  int64_t box[6], from[6], to[6];
  for (int i = 0; i < 6; ++i) {
    const int a = s->last ? last_order[i] : first_order[i];
    box[i] = dims[a];
    from[i] = to_space ? of_deep[a] : of_large[a];
    to[i] = to_space ? of_large[a] : of_deep[a];
  }
  bt_move(c, 6, box, c->in[0]->data, from, c->out[0]->data, to, bt_dtype_size(deep->dtype));
}
