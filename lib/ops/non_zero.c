/* SPDX-License-Identifier: Apache-2.0
   NonZero: the indices of all elements that are not 0, in their order: one column each, one row for
   every axis. */
#include "runtime/shape.h"

#define TYPES (BT_TYPES_NUMBER | BT_TYPES_SMALL_INT | BT_BIT(BT_BOOL))

/* The bits of a 0, less the sign of floats. */
static int is_zero(const bt_tensor* x, int64_t k) {
  switch (bt_dtype_size(x->dtype)) {
    case 1: return ((const uint8_t*)x->data)[k] == 0;
    case 2: return (uint16_t)(((const uint16_t*)x->data)[k] << bt_is_float(x->dtype)) == 0;
    case 4: return (uint32_t)(((const uint32_t*)x->data)[k] << bt_is_float(x->dtype)) == 0;
    default: return ((const uint64_t*)x->data)[k] << bt_is_float(x->dtype) == 0;
  }
}

/* The number of columns is known as soon as the values are. */
static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, TYPES));
  int64_t dims[2] = {x->rank, -1};
  if (bt_has_values(c, 0)) {
    const int64_t n = bt_count(x);
    dims[1] = 0;
    for (int64_t k = 0; k < n; ++k) dims[1] += !is_zero(x, k);
  }
  bt_set_shape(c->out[0], BT_I64, 2, dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int64_t n = bt_count(x), columns = c->out[0]->dims[1];
  int64_t* y = c->out[0]->data;
  int64_t index[BT_MAX_RANK] = {0};
  for (int64_t k = 0, at = 0; k < n; ++k) {
    if (!is_zero(x, k)) {
      for (int d = 0; d < x->rank; ++d) y[d * columns + at] = index[d];
      ++at;
    }
    for (int d = x->rank - 1; d >= 0 && ++index[d] == x->dims[d]; --d) index[d] = 0;
  }
  return BT_OK;
}

const bt_op bt_op_non_zero = {
    .name = "NonZero", .summary = "The indices of the elements that are not 0.", .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .infer = infer, .run = run};
