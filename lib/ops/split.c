/* SPDX-License-Identifier: Apache-2.0
   Split: the input cut along an axis, one output for each piece. Input 1 holds the lengths; without
   it all pieces are as long as dim / num_outputs rounded up, the last one takes what is left. */
#include <inttypes.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { AXIS, NUM_OUTPUTS };
static const bt_attr_spec attrs[] = {
    {.name = "axis", .kind = BT_INT}, {.name = "num_outputs", .kind = BT_INT}, {0}};

/* Length of piece i; -1 where it is not known. */
static bt_status piece(bt_call* c, int i, int64_t whole, int64_t* length) {
  *length = -1;
  if (bt_given(c, 1)) return bt_has_partial(c, 1) ? bt_value_dim(c, 1, i, "split", length) : BT_OK;
  const int64_t n = c->n_out;
  if (c->attr[NUM_OUTPUTS].i != 0 && c->attr[NUM_OUTPUTS].i != n)
    return bt_fail(c, BT_BAD_INPUT, "num_outputs is %" PRId64 "; the node has %" PRId64 " outputs",
                   c->attr[NUM_OUTPUTS].i, n);
  if (n == 1) *length = whole;
  if (!bt_known(whole)) return BT_OK;
  const int64_t full = whole / n + (whole % n != 0);
  if (full * (n - 1) > whole)
    return bt_fail(c, BT_BAD_INPUT,
                   "a length of %" PRId64 " cannot be split into %" PRId64 " pieces", whole, n);
  *length = i < n - 1 ? full : whole - full * (n - 1);
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, 1, c->n_out, "split"));
  if (!bt_has_rank(x)) return BT_OK;
  int axis = 0;
  BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
  int64_t sum = 0;
  for (int i = 0; i < c->n_out; ++i) {
    int64_t length;
    BT_TRY(piece(c, i, x->dims[axis], &length));
    bt_set_like(c->out[i], x);
    c->out[i]->dims[axis] = length;
    sum = bt_dim_add(sum, length);
  }
  if (bt_clash(sum, x->dims[axis]))
    return bt_fail(c, BT_BAD_INPUT,
                   "split adds up to %" PRId64 "; the axis has a length of %" PRId64, sum,
                   x->dims[axis]);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i);
  const bt_sides from = bt_sides_of(x, axis);
  int64_t at = 0;
  for (int i = 0; i < c->n_out; ++i) {
    int64_t length; /* not of c->out[i], which need not exist */
    BT_TRY(piece(c, i, from.length, &length));
    const int64_t block = length * from.inner;
    const int64_t dims[2] = {from.outer, block}, y_strides[2] = {block, 1};
    const int64_t x_strides[2] = {from.length * from.inner, 1};
    if (bt_wants(c, i))
      bt_move(c, 2, dims, bt_element(x, at), x_strides, c->out[i]->data, y_strides,
              bt_dtype_size(x->dtype));
    at += block;
  }
  return BT_OK;
}

const bt_op bt_op_split = {
    .name = "Split", .summary = "Pieces of a tensor along an axis.", .attrs = attrs, .in_min = 1,
    .in_max = 2, .out_min = 1, .out_max = BT_MANY, .layout = BT_LAYOUT_AXIS,
    .quant = BT_QUANT_SAME, .infer = infer, .run = run};
