/* SPDX-License-Identifier: Apache-2.0
   Flatten: a matrix of the same elements; the axes before `axis` become its rows, the others its
   columns. */
#include <inttypes.h>

#include "runtime/shape.h"

enum { AXIS };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = 1}, {0}};

/* Number of elements of dims [from, to); a symbol beside ones stays that symbol. */
static int64_t extent(const bt_tensor* x, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; ++d) n = bt_dim_mul(n, x->dims[d]);
  return n;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  int64_t dims[2] = {-1, -1}, axis = c->attr[AXIS].i;
  if (bt_has_rank(x)) {
    if (axis < -x->rank || axis > x->rank)
      return bt_fail(c, BT_BAD_INPUT, "axis is %" PRId64 "; a number from %d to %d is needed", axis,
                     -x->rank, x->rank);
    if (axis < 0) axis += x->rank;
    dims[0] = extent(x, 0, (int)axis);
    dims[1] = extent(x, (int)axis, x->rank);
  }
  bt_set_shape(c->out[0], x->dtype, 2, dims);
  return BT_OK;
}

const bt_op bt_op_flatten = {
    .name = "Flatten", .summary = "A matrix of the same elements.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_VIEW, .quant = BT_QUANT_SAME,
    .infer = infer};
