/* SPDX-License-Identifier: Apache-2.0
   Places of largest and smallest elements. */
#include "ops/shared/arg.h"

/* NaN is what differs from itself; with integers the compiler drops those tests. */
#define ARG(name, T)                                                                           \
  static int64_t name(const void* px, int64_t at, int64_t n, int64_t step, int largest,        \
                      int last) {                                                              \
    const T* x = (const T*)px + at;                                                            \
    int64_t place = 0;                                                                         \
    T best = x[0];                                                                             \
    for (int64_t i = 1; i < n; ++i) {                                                          \
      const T v = x[i * step];                                                                 \
      const int equal = v == best || (v != v && best != best);                                 \
      const int better = best == best && (v != v || (largest ? v > best : v < best));          \
      if (better || (last && equal)) place = i, best = v;                                      \
    }                                                                                          \
    return place;                                                                              \
  }

ARG(arg_f32, float)
ARG(arg_f64, double)
ARG(arg_i8, int8_t)
ARG(arg_i16, int16_t)
ARG(arg_i32, int32_t)
ARG(arg_i64, int64_t)
ARG(arg_u8, uint8_t)
ARG(arg_u16, uint16_t)
ARG(arg_u32, uint32_t)
ARG(arg_u64, uint64_t)

bt_arg_fn bt_arg_for(bt_dtype dtype) {
  static const bt_arg_fn by_type[BT_DTYPE_COUNT] = {
      [BT_F32] = arg_f32, [BT_F64] = arg_f64, [BT_I8] = arg_i8,   [BT_I16] = arg_i16,
      [BT_I32] = arg_i32, [BT_I64] = arg_i64, [BT_U8] = arg_u8,   [BT_U16] = arg_u16,
      [BT_U32] = arg_u32, [BT_U64] = arg_u64};
  return by_type[dtype];
}

bt_status bt_arg_infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int axis = 0, rank = 0;
  int64_t dims[BT_MAX_RANK];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_NUMBER));
  bt_set_unranked(c->out[0], BT_I64);
  if (!bt_has_rank(x)) return BT_OK;
  BT_TRY(bt_need_axis(c, c->attr[BT_ARG_AXIS].i, x->rank, "axis", &axis));
  for (int d = 0; d < x->rank; ++d)
    if (d != axis) dims[rank++] = x->dims[d];
    else if (c->attr[BT_ARG_KEEPDIMS].i) dims[rank++] = 1;
  bt_set_shape(c->out[0], BT_I64, rank, dims);
  if (x->dims[axis] == 0 && bt_count(c->out[0]) > 0)
    return bt_fail(c, BT_BAD_INPUT, "axis %d has no elements to choose from", axis);
  return BT_OK;
}

typedef struct job {
  bt_arg_fn find;
  const void* x;
  int64_t* y;
  bt_axis axis;
  int largest, last;
} job;

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_axis a = j->axis;
  (void)thread;
  for (int64_t i = begin; i < end; ++i)
    j->y[i] = j->find(j->x, i / a.inner * a.n * a.inner + i % a.inner, a.n, a.inner, j->largest,
                      j->last);
}

bt_status bt_arg_run(bt_call* c, int largest) {
  const bt_tensor* x = c->in[0];
  job j = {.find = bt_arg_for(x->dtype), .x = x->data, .y = c->out[0]->data,
           .axis = bt_split_at(x, c->attr[BT_ARG_AXIS].i), .largest = largest,
           .last = c->attr[BT_ARG_LAST].i != 0};
  bt_parallel(c, j.axis.outer * j.axis.inner, 1 + 8192 / (j.axis.n + 1), part, &j);
  return BT_OK;
}
