/* SPDX-License-Identifier: Apache-2.0
   ReduceLogSumExp: logarithms of sums of e^x along axes, computed so that large x do not overflow.
   Integers are computed in doubles and truncated. */
#include "ops/shared/reduce.h"

static const bt_reduction reduction = {.fold = BT_FOLD_EXP, .real = 1};
BT_REDUCE(&reduction, BT_TYPES_REDUCED, 0)

const bt_op bt_op_reduce_log_sum_exp = {
    BT_REDUCE_FIELDS, .name = "ReduceLogSumExp",
    .summary = "Logarithms of sums of exponentials along axes.", .attrs = attrs};
