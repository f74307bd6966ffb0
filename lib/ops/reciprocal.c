/* SPDX-License-Identifier: Apache-2.0
   Reciprocal: y = 1 / x. */
#include "ops/shared/unary.h"

BT_ONE(1.0 / v)
BT_ROW_KERNEL(BT_RECIPROCAL)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_reciprocal = {BT_UNARY_FIELDS, .name = "Reciprocal", .summary = "1 / x."};
