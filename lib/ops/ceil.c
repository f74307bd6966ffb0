/* SPDX-License-Identifier: Apache-2.0
   Ceil: the smallest integer that is not below x. */
#include <math.h>

#include "ops/shared/unary.h"

BT_ONE(ceil(v))
BT_ROW(, ceilf(v))
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_ceil = {
    BT_UNARY_FIELDS, .name = "Ceil",
    .summary = "The smallest integer that is not below x."};
