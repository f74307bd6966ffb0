/* SPDX-License-Identifier: Apache-2.0
   Atanh: the number whose hyperbolic tangent is x; NaN outside of [-1, 1]. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_atanh(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_atanh = {
    BT_UNARY_FIELDS_EXTRA, .name = "Atanh",
    .summary = "Inverse of the hyperbolic tangent."};
