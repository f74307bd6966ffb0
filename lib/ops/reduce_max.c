/* SPDX-License-Identifier: Apache-2.0
   ReduceMax: largest elements along axes; NaN where there is one. */
#include "ops/shared/reduce.h"

static const bt_reduction reduction = {.fold = BT_FOLD_MAX};
BT_REDUCE(&reduction, BT_TYPES_COMPARED, 1)

const bt_op bt_op_reduce_max = {
    BT_REDUCE_FIELDS, .name = "ReduceMax", .summary = "Largest elements along axes.",
    .attrs = attrs, .quant = BT_QUANT_SAME};
