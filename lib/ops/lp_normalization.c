/* SPDX-License-Identifier: Apache-2.0
   LpNormalization: x divided by its length along an axis, the sum of magnitudes (p = 1) or the
   Euclidean length (p = 2). What has a length of 0 stays 0. */
#include <math.h>

#include "ops/shared/arithmetic.h"
#include "ops/shared/axis.h"
#include "ops/shared/reduce.h"

enum { AXIS, P };
static const bt_attr_spec attrs[] = {
    {.name = "axis", .kind = BT_INT, .i = -1}, {.name = "p", .kind = BT_INT, .i = 2}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int axis = 0;
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  if (c->attr[P].i != 1 && c->attr[P].i != 2)
    return bt_fail(c, BT_BAD_INPUT, "p is %lld; it must be 1 or 2", (long long)c->attr[P].i);
  if (bt_has_rank(x)) BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
  bt_set_like(c->out[0], x);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  const bt_axis a = bt_split_at(c->in[0], c->attr[AXIS].i);
  c->scratch_bytes = (size_t)(a.outer * a.inner) * bt_dtype_size(c->in[0]->dtype);
  return BT_OK;
}

/* A divisor of inf keeps zeros. */
static float whole_f32(float v, float n) {
  (void)n;
  return v == 0.0f ? INFINITY : v;
}
static float root_f32(float v, float n) { return sqrtf(whole_f32(v, n)); }
static double whole_f64(double v, double n) {
  (void)n;
  return v == 0.0 ? INFINITY : v;
}
static double root_f64(double v, double n) { return sqrt(whole_f64(v, n)); }

BT_ROW2_KERNEL(div_f32, BT_DIV)
BT_ROW2(div_f64, double, double, a / b)

static bt_status run(bt_call* c) {
  static const bt_reduction sum = {BT_FOLD_ABS, whole_f32, whole_f64, NULL, 1};
  static const bt_reduction root = {BT_FOLD_SQUARE, root_f32, root_f64, NULL, 1};
  const bt_tensor* x = c->in[0];
  const int64_t axis = c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i;
  int marked[BT_MAX_RANK] = {0};
  marked[axis] = 1;
  bt_tensor length = *x;
  length.dims[axis] = 1;
  length.data = c->scratch;
  bt_reduce(c, x, &length, c->attr[P].i == 1 ? &sum : &root, marked);
  bt_binary_run(c, x, &length, c->out[0], x->dtype == BT_F32 ? div_f32 : div_f64);
  return BT_OK;
}

const bt_op bt_op_lp_normalization = {
    .name = "LpNormalization", .summary = "Division by the length along an axis.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_AXIS, .infer = infer, .prepare = prepare, .run = run};
