/* SPDX-License-Identifier: Apache-2.0
   Tile: the input repeated along each axis as often as input 1 says. */
#include <string.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, 1, bt_has_rank(x) ? x->rank : -1, "repeats"));
  if (!bt_has_rank(x)) return BT_OK;
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < x->rank; ++d) {
    int64_t repeat = -1;
    if (bt_has_partial(c, 1)) BT_TRY(bt_value_dim(c, 1, d, "repeats", &repeat));
    dims[d] = bt_dim_mul(x->dims[d], repeat);
  }
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

typedef struct job {
  const bt_tensor *x, *y;
  int axis;              /* the last one that is repeated */
  int64_t block, repeat; /* bytes of this axis and all behind; how often they come */
  int64_t strides[BT_MAX_RANK];
} job;

/* Rows of y: the positions of the axes before `axis`. */
static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  (void)thread;
  const size_t size = bt_dtype_size(j->x->dtype);
  for (int64_t row = begin; row < end; ++row) {
    int64_t from = 0, rest = row;
    for (int d = j->axis - 1; d >= 0; --d) {
      from += rest % j->y->dims[d] % j->x->dims[d] * j->strides[d];
      rest /= j->y->dims[d];
    }
    const unsigned char* x = bt_element(j->x, from);
    unsigned char* y = (unsigned char*)j->y->data + row * j->repeat * j->block;
    if (j->block == (int64_t)size) bt_fill(y, x, j->repeat, size);
    else
      for (int64_t r = 0; r < j->repeat; ++r) memcpy(y + r * j->block, x, (size_t)j->block);
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  job j = {.x = x, .y = y, .axis = x->rank - 1, .repeat = 1};
  while (j.axis > 0 && x->dims[j.axis] == y->dims[j.axis]) --j.axis;
  const int64_t size = (int64_t)bt_dtype_size(x->dtype);
  j.block = size * bt_extent(x, j.axis < 0 ? 0 : j.axis, x->rank);
  if (j.axis >= 0) j.repeat = y->dims[j.axis] / x->dims[j.axis];
  bt_strides(x, j.strides);
  bt_parallel(c, j.axis < 0 ? 1 : bt_extent(y, 0, j.axis), 1 + 16384 / (j.block * j.repeat), rows,
              &j);
  return BT_OK;
}

const bt_op bt_op_tile = {
    .name = "Tile", .summary = "A tensor repeated along its axes.", .in_min = 2, .in_max = 2,
    .out_min = 1, .out_max = 1, .layout = BT_LAYOUT_PADS, .quant = BT_QUANT_SAME, .infer = infer,
    .run = run};
