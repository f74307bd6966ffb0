/* SPDX-License-Identifier: Apache-2.0
   ReduceL1: sums of magnitudes along axes. Integers wrap around. */
#include "ops/shared/reduce.h"

static const bt_reduction reduction = {.fold = BT_FOLD_ABS};
BT_REDUCE(&reduction, BT_TYPES_REDUCED, 0)

const bt_op bt_op_reduce_l1 = {
    BT_REDUCE_FIELDS, .name = "ReduceL1", .summary = "Sums of magnitudes along axes.",
    .attrs = attrs};
