/* SPDX-License-Identifier: Apache-2.0
   ConstantOfShape: a tensor of the shape in input 0, all of whose elements are the one of the
   attribute `value` (default: f32 0). */
#include "ops/shared/move.h"
#include "runtime/shape.h"

enum { VALUE };
static const bt_attr_spec attrs[] = {{.name = "value", .kind = BT_TENSOR}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* shape = c->in[0];
  const bt_attr* value = &c->attr[VALUE];
  BT_TRY(bt_need_type(c, 0, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, 0, -1, "the shape"));
  c->out[0]->dtype = BT_F32;
  if (value->n) {
    if (bt_count(value->u.tensor) != 1 || !bt_is_type(value->u.tensor->dtype, BT_TYPES_ANY))
      return bt_fail(c, BT_BAD_INPUT, "value holds %lld elements of type %s; one number is needed",
                     (long long)bt_count(value->u.tensor), bt_dtype_name(value->u.tensor->dtype));
    c->out[0]->dtype = value->u.tensor->dtype;
  }
  if (shape->rank != 1 || !bt_known(shape->dims[0])) return BT_OK;
  BT_TRY(bt_need_max_rank(c, shape->dims[0]));
  const int rank = (int)shape->dims[0];
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < rank; ++d) {
    dims[d] = -1;
    if (bt_has_partial(c, 0)) BT_TRY(bt_value_dim(c, 0, d, "the shape", &dims[d]));
  }
  bt_set_shape(c->out[0], c->out[0]->dtype, rank, dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* y = c->out[0];
  const uint64_t zero = 0;
  const void* value = c->attr[VALUE].n ? c->attr[VALUE].u.tensor->data : &zero;
  bt_fill(y->data, value, bt_count(y), bt_dtype_size(y->dtype));
  return BT_OK;
}

const bt_op bt_op_constant_of_shape = {
    .name = "ConstantOfShape", .summary = "A tensor of one value in a computed shape.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .infer = infer,
    .run = run};
