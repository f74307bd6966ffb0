/* SPDX-License-Identifier: Apache-2.0
   MeanVarianceNormalization: (x - mean) / (deviation + 1e-9) over the axes given, or over all but
   the channels (axes 0, 2, 3). */
#include <math.h>

#include "ops/shared/arithmetic.h"
#include "ops/shared/reduce.h"

enum { AXES };
static const bt_attr_spec attrs[] = {{.name = "axes", .kind = BT_INTS}, {0}};

static bt_status mark(bt_call* c, int* marked) {
  static const int64_t usual[] = {0, 2, 3};
  const bt_attr* a = &c->attr[AXES];
  return bt_need_axes(c, a->n ? a->u.ints : usual, a->n ? a->n : 3, c->in[0]->rank, marked);
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int marked[BT_MAX_RANK];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  if (bt_has_rank(x)) BT_TRY(mark(c, marked));
  bt_set_like(c->out[0], x);
  return BT_OK;
}

/* One number for each mean. */
static void shape_of_means(const bt_call* c, const int* marked, bt_tensor* means) {
  *means = *c->in[0];
  for (int d = 0; d < means->rank; ++d)
    if (marked[d]) means->dims[d] = 1;
  means->data = c->scratch;
}

static bt_status prepare(bt_call* c) {
  int marked[BT_MAX_RANK];
  bt_tensor means;
  BT_TRY(mark(c, marked));
  shape_of_means(c, marked, &means);
  c->scratch_bytes = bt_bytes(&means);
  return BT_OK;
}

static float deviation_f32(float squares, float n) { return sqrtf(squares / n) + 1e-9f; }
static double deviation_f64(double squares, double n) { return sqrt(squares / n) + 1e-9; }

BT_ROW2_KERNEL(sub_f32, BT_SUB)
BT_ROW2_KERNEL(div_f32, BT_DIV)
BT_ROW2(sub_f64, double, double, a - b)
BT_ROW2(div_f64, double, double, a / b)

static bt_status run(bt_call* c) {
  static const bt_reduction deviation = {BT_FOLD_SQUARE, deviation_f32, deviation_f64, NULL, 1};
  const bt_tensor* x = c->in[0];
  bt_tensor *y = c->out[0], means;
  const int is_f32 = x->dtype == BT_F32;
  int marked[BT_MAX_RANK];
  BT_TRY(mark(c, marked));
  shape_of_means(c, marked, &means);
  bt_reduce(c, x, &means, &bt_reduction_mean, marked);
  bt_binary_run(c, x, &means, y, is_f32 ? sub_f32 : sub_f64);
  bt_reduce(c, y, &means, &deviation, marked);
  bt_binary_run(c, y, &means, y, is_f32 ? div_f32 : div_f64);
  return BT_OK;
}

const bt_op bt_op_mean_variance_normalization = {
    .name = "MeanVarianceNormalization", .summary = "Zero mean and unit variance over axes.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .infer = infer, .prepare = prepare, .run = run};
