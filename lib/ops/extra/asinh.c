/* SPDX-License-Identifier: Apache-2.0
   Asinh: the number whose hyperbolic sine is x. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_asinh(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_asinh = {
    BT_UNARY_FIELDS_EXTRA, .name = "Asinh",
    .summary = "Inverse of the hyperbolic sine."};
