/* SPDX-License-Identifier: Apache-2.0
   MaxUnpool: puts elements back where MaxPool found them; all others are 0. Inputs: X, the places
   (output 1 of MaxPool, counted in the tensor before pooling), and optionally the output's shape.
   Where that is larger than what the window implies, the rest stays 0. */
#include <inttypes.h>
#include <string.h>

#include "runtime/shape.h"

enum { X, PLACES, SHAPE };
enum { KERNEL, PADS, STRIDES };
static const bt_attr_spec attrs[] = {
    {.name = "kernel_shape", .kind = BT_INTS, .required = 1},
    {.name = "pads", .kind = BT_INTS},
    {.name = "strides", .kind = BT_INTS},
    {0}};

#define LENGTH_MAX ((int64_t)1 << 31)

/* Entry i of a list of `want` numbers, or `missing` where the list is empty. */
static bt_status read(bt_call* c, int attr, int want, int i, int64_t missing, int64_t* v) {
  const bt_attr* a = &c->attr[attr];
  *v = missing;
  if (a->n == 0) return BT_OK;
  if (a->n != want)
    return bt_fail(c, BT_BAD_INPUT, "%s has %d numbers, %d expected", attrs[attr].name,
                   (int)a->n, want);
  *v = a->u.ints[i];
  if (*v >= 0 && *v <= LENGTH_MAX) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "%s holds %" PRId64 "; values from 0 to 2^31 are allowed",
                 attrs[attr].name, *v);
}

/* The lengths before pooling, as far as the window tells. */
static bt_status lengths_before(bt_call* c, int64_t dims[BT_MAX_RANK]) {
  const bt_tensor* x = c->in[X];
  const int n = x->rank - 2;
  for (int d = 0; d < 2; ++d) dims[d] = x->dims[d];
  for (int d = 0; d < n; ++d) {
    int64_t kernel = 0, pad = 0, pad_end = 0, stride = 0;
    BT_TRY(read(c, KERNEL, n, d, 1, &kernel));
    BT_TRY(read(c, STRIDES, n, d, 1, &stride));
    BT_TRY(read(c, PADS, 2 * n, d, 0, &pad));
    BT_TRY(read(c, PADS, 2 * n, n + d, 0, &pad_end));
    const int64_t in = x->dims[d + 2];
    dims[d + 2] = -1;
    if (in < 0) continue;
    const int64_t steps = bt_dim_mul(in - (in > 0), stride);
    if (steps > INT64_MAX / 4) return bt_fail(c, BT_BAD_INPUT, "strides make the output too long");
    dims[d + 2] = steps + kernel - pad - pad_end;
    if (dims[d + 2] < 0)
      return bt_fail(c, BT_BAD_INPUT, "pads leave %" PRId64 " elements in spatial dimension %d",
                     dims[d + 2], d);
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[X];
  int64_t dims[BT_MAX_RANK];
  BT_TRY(bt_need_type(c, X, BT_TYPES_FLOAT | BT_BIT(BT_I8) | BT_BIT(BT_U8)));
  BT_TRY(bt_need_type(c, PLACES, BT_BIT(BT_I64)));
  BT_TRY(bt_need_type(c, SHAPE, BT_BIT(BT_I64)));
  BT_TRY(bt_need_rank_between(c, X, 3, BT_MAX_RANK));
  if (!bt_has_rank(x)) return BT_OK;
  BT_TRY(bt_need_rank(c, PLACES, x->rank));
  for (int d = 0; d < x->rank && bt_has_rank(c->in[PLACES]); ++d)
    if (bt_clash(x->dims[d], c->in[PLACES]->dims[d]))
      return bt_fail(c, BT_BAD_INPUT, "X and the places have different shapes");
  BT_TRY(lengths_before(c, dims));
  if (bt_given(c, SHAPE)) {
    BT_TRY(bt_need_vector(c, SHAPE, x->rank, "output_shape"));
    for (int d = 0; d < x->rank; ++d) {
      dims[d] = -1;
      if (bt_has_partial(c, SHAPE)) BT_TRY(bt_value_dim(c, SHAPE, d, "output_shape", &dims[d]));
    }
  }
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[X];
  bt_tensor *y = c->out[0], before = *x;
  const int64_t n = bt_count(x), *places = c->in[PLACES]->data;
  const size_t element = bt_dtype_size(x->dtype);
  int64_t strides[BT_MAX_RANK];
  BT_TRY(lengths_before(c, before.dims));
  bt_strides(y, strides);
  if (bt_count(y)) memset(y->data, 0, bt_bytes(y));
  for (int64_t i = 0; i < n; ++i) {
    if (places[i] < 0 || places[i] >= bt_count(&before))
      return bt_fail(c, BT_BAD_INPUT, "place %" PRId64 " lies outside of the %" PRId64
                     " elements before pooling", places[i], bt_count(&before));
    int64_t rest = places[i], to = 0;
    for (int d = x->rank - 1; d >= 0; --d) {
      const int64_t at = rest % before.dims[d];
      rest /= before.dims[d];
      if (at >= y->dims[d])
        return bt_fail(c, BT_BAD_INPUT, "place %" PRId64 " lies outside of output_shape",
                       places[i]);
      to += at * strides[d];
    }
    memcpy((unsigned char*)y->data + (size_t)to * element,
           (const unsigned char*)x->data + (size_t)i * element, element);
  }
  return BT_OK;
}

const bt_op bt_op_max_unpool = {
    .name = "MaxUnpool", .summary = "Elements back at the places where MaxPool found them.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
