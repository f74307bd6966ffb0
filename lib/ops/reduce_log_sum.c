/* SPDX-License-Identifier: Apache-2.0
   ReduceLogSum: logarithms of sums along axes. Integers are computed in doubles and truncated. */
#include "kernels/math_f32.h"
#include "kernels/math_f64.h"
#include "ops/shared/reduce.h"

static float log_f32(float v, float n) {
  (void)n;
  return bt_logf(v);
}
static double log_f64(double v, double n) {
  (void)n;
  return bt_log(v);
}

static const bt_reduction reduction = {
    .fold = BT_FOLD_SUM, .finish_f32 = log_f32, .finish_f64 = log_f64, .real = 1};
BT_REDUCE(&reduction, BT_TYPES_REDUCED, 0)

const bt_op bt_op_reduce_log_sum = {
    BT_REDUCE_FIELDS, .name = "ReduceLogSum", .summary = "Logarithms of sums along axes.",
    .attrs = attrs};
