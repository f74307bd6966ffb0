/* SPDX-License-Identifier: Apache-2.0
   ReduceL2: square roots of sums of squares along axes. Integers are computed in doubles and
   truncated. */
#include <math.h>

#include "ops/shared/reduce.h"

static float root_f32(float v, float n) {
  (void)n;
  return sqrtf(v);
}
static double root_f64(double v, double n) {
  (void)n;
  return sqrt(v);
}

static const bt_reduction reduction = {
    .fold = BT_FOLD_SQUARE, .finish_f32 = root_f32, .finish_f64 = root_f64, .real = 1};
BT_REDUCE(&reduction, BT_TYPES_REDUCED, 0)

const bt_op bt_op_reduce_l2 = {
    BT_REDUCE_FIELDS, .name = "ReduceL2", .summary = "Euclidean lengths along axes.",
    .attrs = attrs};
