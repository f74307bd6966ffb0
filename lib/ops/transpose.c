/* SPDX-License-Identifier: Apache-2.0
   Transpose: axis i of the output is axis perm[i] of the input; without perm axes are reversed. */
#include "ops/shared/move.h"
#include "runtime/shape.h"

enum { PERM };
static const bt_attr_spec attrs[] = {{.name = "perm", .kind = BT_INTS}, {0}};

static int source_axis(const bt_call* c, int i) {
  const bt_attr* perm = &c->attr[PERM];
  const int rank = c->in[0]->rank;
  if (perm->n == 0) return rank - 1 - i;
  return (int)(perm->u.ints[i] < 0 ? perm->u.ints[i] + rank : perm->u.ints[i]);
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const bt_attr* perm = &c->attr[PERM];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  if (!bt_has_rank(x)) return BT_OK;
  if (perm->n != 0) {
    if (perm->n != x->rank)
      return bt_fail(c, BT_BAD_INPUT, "perm has %d numbers; the input has rank %d", (int)perm->n,
                     x->rank);
    int marked[BT_MAX_RANK];
    BT_TRY(bt_need_axes(c, perm->u.ints, perm->n, x->rank, marked));
  }
  int64_t dims[BT_MAX_RANK];
  for (int i = 0; i < x->rank; ++i) dims[i] = x->dims[source_axis(c, i)];
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  int64_t own[BT_MAX_RANK], x_strides[BT_MAX_RANK], y_strides[BT_MAX_RANK];
  bt_strides(x, own);
  bt_strides(y, y_strides);
  for (int i = 0; i < x->rank; ++i) x_strides[i] = own[source_axis(c, i)];
  bt_move(c, y->rank, y->dims, x->data, x_strides, y->data, y_strides, bt_dtype_size(y->dtype));
  return BT_OK;
}

const bt_op bt_op_transpose = {
    .name = "Transpose", .summary = "The axes in another order.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .layout = BT_LAYOUT_PERM, .quant = BT_QUANT_SAME,
    .infer = infer, .run = run};
