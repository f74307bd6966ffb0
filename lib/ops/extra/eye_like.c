/* SPDX-License-Identifier: Apache-2.0
   EyeLike: a matrix of the input's shape, 1 on diagonal k and 0 elsewhere, of the input's type or
   the one of the attribute `dtype`. */
#include <string.h>

#include "runtime/shape.h"

enum { DTYPE, K };
static const bt_attr_spec attrs[] = {
    {.name = "dtype", .kind = BT_INT}, {.name = "k", .kind = BT_INT}, {0}};

#define TYPES (BT_TYPES_NUMBER | BT_BIT(BT_BOOL))

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int64_t type = c->attr[DTYPE].i ? c->attr[DTYPE].i : (int64_t)x->dtype;
  BT_TRY(bt_need_rank(c, 0, 2));
  if (type < 0 || type >= BT_DTYPE_COUNT || !bt_is_type((bt_dtype)type, TYPES))
    return bt_fail(c, BT_UNSUPPORTED,
                   "the type of the result is number %lld, which is not supported",
                   (long long)type);
  bt_set_shape(c->out[0], (bt_dtype)type, x->rank, x->dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  bt_tensor* y = c->out[0];
  const int64_t height = y->dims[0], width = y->dims[1], k = c->attr[K].i;
  if (bt_count(y) == 0) return BT_OK;
  memset(y->data, 0, bt_bytes(y));
  if (k <= -height || k >= width) return BT_OK;
  for (int64_t row = k < 0 ? -k : 0; row < height && row + k < width; ++row)
    bt_put_int(y, row * width + row + k, 1);
  return BT_OK;
}

const bt_op bt_op_eye_like = {
    .name = "EyeLike", .summary = "A matrix with ones on a diagonal.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA, .infer = infer,
    .run = run};
