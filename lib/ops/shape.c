/* SPDX-License-Identifier: Apache-2.0
   Shape: the lengths of the axes from `start` to before `end`, as a vector of i64. */
#include "runtime/shape.h"

enum { END, START };
static const bt_attr_spec attrs[] = {{.name = "end", .kind = BT_INT, .i = INT64_MAX},
                                     {.name = "start", .kind = BT_INT},
                                     {0}};

static int bound(int64_t axis, int rank) {
  if (axis < 0) axis = axis < -rank ? 0 : axis + rank;
  return axis > rank ? rank : (int)axis;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int64_t n = -1;
  if (bt_has_rank(x)) {
    n = bound(c->attr[END].i, x->rank) - bound(c->attr[START].i, x->rank);
    if (n < 0) n = 0;
  }
  bt_set_vector(c->out[0], BT_I64, n);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int64_t* y = c->out[0]->data;
  for (int d = bound(c->attr[START].i, x->rank); d < bound(c->attr[END].i, x->rank); ++d)
    *y++ = x->dims[d];
  return BT_OK;
}

const bt_op bt_op_shape = {
    .name = "Shape", .summary = "The lengths of a tensor's axes.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_SHAPE, .infer = infer, .run = run};
