/* SPDX-License-Identifier: Apache-2.0
   GatherElements: y[i, j, k] = x[index[i, j, k], j, k] for axis 0, and so on for other axes. The
   result has the shape of the indices. */
#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { AXIS };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *indices = c->in[1];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, 1, BT_TYPES_INDEX));
  if (bt_has_rank(x)) {
    int axis = 0;
    BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
    BT_TRY(bt_need_inside(c, 1, axis));
    BT_TRY(bt_check_known_indices(c, 1, x->dims[axis]));
  }
  bt_set_shape(c->out[0], x->dtype, indices->rank, indices->dims);
  return BT_OK;
}

typedef struct job {
  const bt_tensor *x, *indices;
  void* y;
  int64_t length, step; /* of the axis of x */
  bt_walk walk;
} job;

#define PICK(T)                                                      \
  for (int64_t i = 0; i < w.inner; ++i)                              \
    ((T*)j->y)[at + i] =                                             \
        ((const T*)j->x->data)[w.offset[0] + i * w.inner_stride[0] + \
                               bt_index_at(j->indices, at + i, j->length) * j->step];

static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  bt_walk w = j->walk;
  (void)thread;
  bt_walk_seek(&w, begin);
  for (int64_t row = begin; row < end; ++row, bt_walk_next(&w)) {
    const int64_t at = row * w.inner;
    switch (bt_dtype_size(j->x->dtype)) {
      case 1: PICK(uint8_t) break;
      case 2: PICK(uint16_t) break;
      case 4: PICK(uint32_t) break;
      default: PICK(uint64_t) break;
    }
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *indices = c->in[1];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i);
  job j = {.x = x, .indices = indices, .y = c->out[0]->data, .length = x->dims[axis]};
  BT_TRY(bt_check_indices(c, 1, j.length));
  int64_t strides[1][BT_MAX_RANK];
  bt_strides(x, strides[0]);
  j.step = strides[0][axis];
  strides[0][axis] = 0;
  bt_walk_begin(&j.walk, indices->rank, indices->dims, 1, strides);
  bt_parallel(c, j.walk.rows, 1 + 4096 / (j.walk.inner + 1), rows, &j);
  return BT_OK;
}

const bt_op bt_op_gather_elements = {
    .name = "GatherElements", .summary = "Single elements, by index along one axis.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .quant = BT_QUANT_SAME,
    .infer = infer, .run = run};
