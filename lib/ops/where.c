/* SPDX-License-Identifier: Apache-2.0
   Where: y = a where the condition (input 0, bool) holds, b elsewhere; all three are broadcast.
   Bytes are moved, so that a and b may have any type. */
#include "ops/shared/same_scale.h"
#include "runtime/shape.h"

enum { CONDITION, YES, NO };

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, CONDITION, BT_BIT(BT_BOOL)));
  BT_TRY(bt_need_type(c, YES, BT_TYPES_ANY));
  BT_TRY(bt_need_same_type(c, YES, NO));
  return bt_infer_broadcast(c, 0, 3, c->in[YES]->dtype);
}

typedef struct job {
  const uint8_t* condition;
  const unsigned char *yes, *no;
  unsigned char* y;
  size_t size; /* of an element */
  bt_walk walk;
} job;

/* Elements [from, to) of the inner dimension. */
#define PICK(T)                                                               \
  {                                                                           \
    const T* yes = (const T*)(const void*)j->yes + w->offset[YES];            \
    const T* no = (const T*)(const void*)j->no + w->offset[NO];               \
    T* y = (T*)(void*)j->y + row * w->inner;                                  \
    for (int64_t i = from; i < to; ++i)                                       \
      y[i] = condition[i * step] ? yes[i * yes_step] : no[i * no_step];       \
  }
static void pick(const job* j, const bt_walk* w, int64_t row, int64_t from, int64_t to) {
  const uint8_t* condition = j->condition + w->offset[CONDITION];
  const int64_t step = w->inner_stride[CONDITION], yes_step = w->inner_stride[YES];
  const int64_t no_step = w->inner_stride[NO];
  if (j->size == 1) PICK(uint8_t)
  else if (j->size == 2) PICK(uint16_t)
  else if (j->size == 4) PICK(uint32_t)
  else PICK(uint64_t)
}

static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  bt_walk w = j->walk;
  (void)thread;
  if (w.rows == 1) {
    pick(j, &w, 0, begin, end);
    return;
  }
  bt_walk_seek(&w, begin);
  for (int64_t row = begin; row < end; ++row) {
    pick(j, &w, row, 0, w.inner);
    bt_walk_next(&w);
  }
}

static bt_status prepare(bt_call* c) { return bt_same_scale_prepare(c, YES); }

static bt_status run(bt_call* c) {
  const bt_tensor* const* in = bt_same_scale_run(c);
  const bt_tensor* y = c->out[0];
  int64_t strides[3][BT_MAX_RANK];
  for (int i = 0; i < 3; ++i) bt_broadcast_strides(in[i], y, strides[i]);
  job j = {.condition = in[CONDITION]->data, .yes = in[YES]->data, .no = in[NO]->data,
           .y = y->data, .size = bt_dtype_size(y->dtype)};
  bt_walk_begin(&j.walk, y->rank, y->dims, 3, strides);
  if (j.walk.rows == 1) bt_parallel(c, j.walk.inner, 8192, rows, &j);
  else bt_parallel(c, j.walk.rows, 8192 / (j.walk.inner + 1) + 1, rows, &j);
  return BT_OK;
}

const bt_op bt_op_where = {
    .name = "Where", .summary = "Elements of one or another tensor, by a condition.", .in_min = 3,
    .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_JOIN, .infer = infer,
    .prepare = prepare, .run = run};
