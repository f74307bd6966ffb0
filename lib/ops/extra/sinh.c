/* SPDX-License-Identifier: Apache-2.0
   Sinh: y = (e^x - e^-x) / 2. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_sinh(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_sinh = {BT_UNARY_FIELDS_EXTRA, .name = "Sinh", .summary = "Hyperbolic sine."};
