/* SPDX-License-Identifier: Apache-2.0
   ReduceSumSquare: sums of squares along axes. Integers wrap around. */
#include "ops/shared/reduce.h"

static const bt_reduction reduction = {.fold = BT_FOLD_SQUARE};
BT_REDUCE(&reduction, BT_TYPES_REDUCED, 0)

const bt_op bt_op_reduce_sum_square = {
    BT_REDUCE_FIELDS, .name = "ReduceSumSquare", .summary = "Sums of squares along axes.",
    .attrs = attrs};
