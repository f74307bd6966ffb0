/* SPDX-License-Identifier: Apache-2.0
   ReduceProd: products along axes, multiplied in order. Integers wrap around. */
#include "ops/shared/reduce.h"

static const bt_reduction reduction = {.fold = BT_FOLD_PROD};
BT_REDUCE(&reduction, BT_TYPES_REDUCED, 0)

const bt_op bt_op_reduce_prod = {
    BT_REDUCE_FIELDS, .name = "ReduceProd", .summary = "Products along axes.", .attrs = attrs};
