/* SPDX-License-Identifier: Apache-2.0
   ReduceMean: means along axes; those of integers are truncated. Quantized values are added up
   exactly and rounded once. */
#include "ops/shared/reduce.h"

BT_REDUCE(&bt_reduction_mean, BT_TYPES_REDUCED, 1)

const bt_op bt_op_reduce_mean = {
    BT_REDUCE_FIELDS, .name = "ReduceMean", .summary = "Means along axes.", .attrs = attrs,
    .quant = BT_QUANT_ARITH, .prepare = bt_reduce_need_q8};
