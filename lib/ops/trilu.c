/* SPDX-License-Identifier: Apache-2.0
   Trilu: the upper (or lower) triangle of each matrix; the rest is 0. Diagonal k (input 1, default
   0; above the main one if positive) belongs to it. */
#include <string.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/move.h"

enum { UPPER };
static const bt_attr_spec attrs[] = {{.name = "upper", .kind = BT_INT, .i = 1}, {0}};

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_rank_between(c, 0, 2, BT_MAX_RANK));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_one_element(c, 1, "k"));
  bt_set_like(c->out[0], c->in[0]);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int64_t height = x->dims[x->rank - 2], width = x->dims[x->rank - 1];
  const int64_t size = (int64_t)bt_dtype_size(x->dtype);
  int64_t k = bt_given(c, 1) ? bt_scalar_int(c->in[1]) : 0;
  if (k > width) k = width; /* the sums below stay small */
  if (k < -height) k = -height;
  if (bt_count(x) == 0) return BT_OK;
  bt_copy_values(c->out[0], x);
  const int64_t rows = bt_extent(x, 0, x->rank - 1);
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t diagonal =
        r % height + k + (c->attr[UPPER].i ? 0 : 1); /* first column of the right part */
    const int64_t split = diagonal < 0 ? 0 : diagonal > width ? width : diagonal;
    unsigned char* y = bt_element(c->out[0], r * width);
    if (c->attr[UPPER].i) memset(y, 0, (size_t)(split * size));
    else memset(y + split * size, 0, (size_t)((width - split) * size));
  }
  return BT_OK;
}

const bt_op bt_op_trilu = {
    .name = "Trilu", .summary = "The upper or lower triangle of matrices.", .attrs = attrs,
    .in_min = 1, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_INPLACE, .infer = infer,
    .run = run};
