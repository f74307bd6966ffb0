/* SPDX-License-Identifier: Apache-2.0
   Sqrt: y = the square root of x; NaN below 0. */
#include <math.h>

#include "ops/shared/unary.h"

BT_ONE(sqrt(v))
BT_ROW_KERNEL(BT_SQRT)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_sqrt = {BT_UNARY_FIELDS, .name = "Sqrt", .summary = "Square root."};
