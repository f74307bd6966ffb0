/* SPDX-License-Identifier: Apache-2.0
   Tan: y = tan(x), x in radians. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_tan(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_tan = {
    BT_UNARY_FIELDS_EXTRA, .name = "Tan",
    .summary = "Tangent of an angle in radians."};
