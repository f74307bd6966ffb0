/* SPDX-License-Identifier: Apache-2.0
   Acosh: the number from 0 on whose hyperbolic cosine is x; NaN below 1. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_acosh(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_acosh = {
    BT_UNARY_FIELDS_EXTRA, .name = "Acosh",
    .summary = "Inverse of the hyperbolic cosine."};
