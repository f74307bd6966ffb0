/* SPDX-License-Identifier: Apache-2.0
   CumSum: y[t] = x[0] + ... + x[t] along the axis in input 1, one chain in that order. With
   `exclusive` x[t] itself is left out; with `reverse` the chain starts from the other end. */
#include "ops/shared/elementwise.h"
#include "ops/shared/index.h"

enum { EXCLUSIVE, REVERSE };
static const bt_attr_spec attrs[] = {
    {.name = "exclusive", .kind = BT_INT}, {.name = "reverse", .kind = BT_INT}, {0}};

#define TYPES                                                                              \
  (BT_TYPES_FLOAT | BT_BIT(BT_I32) | BT_BIT(BT_I64) | BT_BIT(BT_U32) | BT_BIT(BT_U64))

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, TYPES));
  BT_TRY(bt_need_type(c, 1, BT_TYPES_INDEX));
  BT_TRY(bt_need_one_element(c, 1, "the axis"));
  int axis;
  if (bt_has_rank(x) && bt_has_values(c, 1))
    BT_TRY(bt_need_axis(c, bt_scalar_int(c->in[1]), x->rank, "the axis", &axis));
  bt_set_like(c->out[0], x);
  return BT_OK;
}

#define COLUMNS 64 /* chains side by side: one part of the work */

typedef struct job {
  const bt_tensor* x;
  void* y;
  bt_sides sides;
  int exclusive, reverse;
} job;

#define CHAINS(T)                                                                       \
  for (int64_t t = 0; t < length; ++t) {                                                \
    const int64_t at = first + (j->reverse ? length - 1 - t : t) * inner;               \
    const int64_t before = at + (j->reverse ? inner : -inner);                          \
    const T *x = j->x->data, *term = x + (t > 0 && j->exclusive ? before : at);         \
    T *sums = j->y, *y = sums + at;                                                     \
    for (int64_t i = 0; i < n && t == 0; ++i) y[i] = j->exclusive ? 0 : term[i];        \
    for (int64_t i = 0; i < n && t > 0; ++i) y[i] = sums[before + i] + term[i];         \
  }

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const int64_t inner = j->sides.inner, length = j->sides.length;
  const int64_t per_outer = (inner + COLUMNS - 1) / COLUMNS;
  (void)thread;
  for (int64_t p = begin; p < end; ++p) {
    const int64_t column = p % per_outer * COLUMNS;
    const int64_t n = inner - column < COLUMNS ? inner - column : COLUMNS;
    const int64_t first = p / per_outer * length * inner + column;
    switch (j->x->dtype) {
      case BT_F32: CHAINS(float) break;
      case BT_F64: CHAINS(double) break;
      case BT_I32:
      case BT_U32: CHAINS(uint32_t) break;
      default: CHAINS(uint64_t) break;
    }
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int axis = 0;
  BT_TRY(bt_need_axis(c, bt_scalar_int(c->in[1]), x->rank, "the axis", &axis));
  if (bt_count(x) == 0) return BT_OK;
  job j = {.x = x, .y = c->out[0]->data, .sides = bt_sides_of(x, axis),
           .exclusive = c->attr[EXCLUSIVE].i != 0, .reverse = c->attr[REVERSE].i != 0};
  const int64_t parts = j.sides.outer * ((j.sides.inner + COLUMNS - 1) / COLUMNS);
  bt_parallel(c, parts, 1 + 8192 / (COLUMNS * j.sides.length), part, &j);
  return BT_OK;
}

const bt_op bt_op_cum_sum = {
    .name = "CumSum", .summary = "Running sums along an axis.", .attrs = attrs, .in_min = 2,
    .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF, .infer = infer, .run = run};
