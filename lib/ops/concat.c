/* SPDX-License-Identifier: Apache-2.0
   Concat: inputs of the same shape but for one axis, one behind the other along that axis.
   Quantized inputs of other scales are brought to the output's first. */
#include "ops/shared/index.h"
#include "ops/shared/move.h"
#include "ops/shared/same_scale.h"

enum { AXIS };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .required = 1}, {0}};

/* The lengths that inputs 0 and i must share are joined in `dims`; the axis's is added up. */
static bt_status join(bt_call* c, int i, int axis, int64_t* dims) {
  const bt_tensor* x = c->in[i];
  for (int d = 0; d < x->rank; ++d) {
    if (d == axis) {
      dims[d] = dims[d] == 0           ? x->dims[d]
                : bt_known(x->dims[d]) ? bt_dim_add(dims[d], x->dims[d])
                                       : -1;
      continue;
    }
    if (bt_clash(dims[d], x->dims[d])) {
      char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT,
                     "inputs 0 and %d have shapes %s and %s; only axis %d may differ", i,
                     bt_shape_text(c->in[0], p), bt_shape_text(x, q), axis);
    }
    dims[d] = bt_agree(dims[d], x->dims[d]);
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* first = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  for (int i = 1; i < c->n_in; ++i) {
    if (!c->in[i]) return bt_fail(c, BT_BAD_INPUT, "input %d is missing", i);
    BT_TRY(bt_need_same_type(c, 0, i));
  }
  int known = -1;
  for (int i = 0; i < c->n_in && known < 0; ++i)
    if (bt_has_rank(c->in[i])) known = i;
  if (known < 0) return BT_OK;
  const int rank = c->in[known]->rank;
  int axis = 0;
  BT_TRY(bt_need_axis(c, c->attr[AXIS].i, rank, "axis", &axis));
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < rank; ++d) dims[d] = d == axis ? 0 : -1;
  int all = 1;
  for (int i = 0; i < c->n_in; ++i) {
    BT_TRY(bt_need_rank(c, i, rank));
    if (bt_has_rank(c->in[i])) BT_TRY(join(c, i, axis, dims));
    else all = 0;
  }
  if (!all) dims[axis] = -1;
  bt_set_shape(c->out[0], first->dtype, rank, dims);
  return BT_OK;
}

static bt_status prepare(bt_call* c) { return bt_same_scale_prepare(c, 0); }

static bt_status run(bt_call* c) {
  const bt_tensor* const* in = bt_same_scale_run(c);
  const bt_tensor* y = c->out[0];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + y->rank : c->attr[AXIS].i);
  const bt_sides to = bt_sides_of(y, axis);
  int64_t at = 0;
  for (int i = 0; i < c->n_in; ++i) {
    const int64_t block = in[i]->dims[axis] * to.inner;
    if (in[i]->data == bt_element(y, at)) { /* made there */
      at += block;
      continue;
    }
    const int64_t dims[2] = {to.outer, block}, x_strides[2] = {block, 1};
    const int64_t y_strides[2] = {to.length * to.inner, 1};
    bt_move(c, 2, dims, in[i]->data, x_strides, bt_element(y, at), y_strides,
            bt_dtype_size(y->dtype));
    at += block;
  }
  return BT_OK;
}

const bt_op bt_op_concat = {
    .name = "Concat", .summary = "Tensors one behind the other along an axis.", .attrs = attrs,
    .in_min = 1, .in_max = BT_MANY, .out_min = 1, .out_max = 1, .flags = BT_OP_JOIN,
    .layout = BT_LAYOUT_AXIS, .quant = BT_QUANT_JOIN, .infer = infer, .prepare = prepare, .run = run};
