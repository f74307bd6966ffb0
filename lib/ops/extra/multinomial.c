/* SPDX-License-Identifier: Apache-2.0
   Multinomial: sample_size draws from each row of x [batch, classes], whose elements are the
   logarithms of probabilities, up to a constant. y [batch, sample_size] holds class numbers. */
#include <inttypes.h>
#include <math.h>

#include "kernels/math_f64.h"
#include "ops/shared/random.h"
#include "runtime/shape.h"

enum { DTYPE, SAMPLE_SIZE };
static const bt_attr_spec attrs[] = {{.name = "dtype", .kind = BT_INT, .i = BT_I32},
                                     {.name = "sample_size", .kind = BT_INT, .i = 1},
                                     {.name = "seed", .kind = BT_FLOAT},
                                     {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int64_t type = c->attr[DTYPE].i, samples = c->attr[SAMPLE_SIZE].i;
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  BT_TRY(bt_need_rank(c, 0, 2));
  if (type != BT_I32 && type != BT_I64)
    return bt_fail(c, BT_BAD_INPUT, "dtype is %" PRId64 "; 6 (i32) or 7 (i64) is needed", type);
  if (samples < 0)
    return bt_fail(c, BT_BAD_INPUT, "sample_size is %" PRId64 "; it must not be negative", samples);
  const int64_t dims[2] = {bt_has_rank(x) ? x->dims[0] : -1, samples};
  bt_set_shape(c->out[0], (bt_dtype)type, 2, dims);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  c->scratch_bytes = (size_t)c->in[0]->dims[1] * sizeof(double);
  return BT_OK;
}

/* sums[k]: of the probabilities of classes 0 to k. */
static bt_status add_up(bt_call* c, int64_t row, int64_t classes, double* sums) {
  double most = -INFINITY, sum = 0;
  for (int64_t k = 0; k < classes; ++k) {
    sums[k] = bt_get(c->in[0], row * classes + k);
    most = sums[k] > most ? sums[k] : most;
  }
  for (int64_t k = 0; k < classes; ++k) {
    sum += sums[k] == most ? 1.0 : bt_exp(sums[k] - most); /* both may be infinite */
    sums[k] = sum;
  }
  if (sum > 0 && isfinite(sum)) return BT_OK; /* not with NaN */
  return bt_fail(c, BT_BAD_INPUT, "row %" PRId64 " holds no class to draw, or NaN", row);
}

/* The first class whose sum is above the number drawn. */
static int64_t draw(bt_call* c, const double* sums, int64_t classes) {
  const double u = bt_random_unit(c) * sums[classes - 1];
  int64_t low = 0, high = classes - 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (sums[middle] > u) high = middle;
    else low = middle + 1;
  }
  return low;
}

static bt_status run(bt_call* c) {
  const int64_t rows = c->in[0]->dims[0], classes = c->in[0]->dims[1];
  const int64_t samples = c->out[0]->dims[1];
  double* sums = c->scratch;
  for (int64_t r = 0; r < rows && samples > 0; ++r) {
    BT_TRY(add_up(c, r, classes, sums));
    for (int64_t i = 0; i < samples; ++i)
      bt_put_int(c->out[0], r * samples + i, draw(c, sums, classes));
  }
  return BT_OK;
}

const bt_op bt_op_multinomial = {
    .name = "Multinomial", .summary = "Class numbers drawn with given log probabilities.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
    .flags = BT_RANDOM_FLAGS, .infer = infer, .prepare = prepare, .run = run};
