/* SPDX-License-Identifier: Apache-2.0
   Asin: the angle in [-pi/2, pi/2] whose sine is x; NaN outside of [-1, 1]. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_asin(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_asin = {
    BT_UNARY_FIELDS_EXTRA, .name = "Asin",
    .summary = "The angle, in radians, whose sine is x."};
