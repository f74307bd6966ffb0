/* SPDX-License-Identifier: Apache-2.0
   ReduceSum: sums along axes. Integers wrap around. */
#include "ops/shared/reduce.h"

static const bt_reduction reduction = {.fold = BT_FOLD_SUM};
BT_REDUCE(&reduction, BT_TYPES_REDUCED, 0)

const bt_op bt_op_reduce_sum = {
    BT_REDUCE_FIELDS, .name = "ReduceSum", .summary = "Sums along axes.", .attrs = attrs};
