/* SPDX-License-Identifier: Apache-2.0
   Cos: y = cos(x), x in radians. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_cos(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_cos = {
    BT_UNARY_FIELDS, .name = "Cos",
    .summary = "Cosine of an angle in radians."};
