/* SPDX-License-Identifier: Apache-2.0
   Atan: the angle in [-pi/2, pi/2] whose tangent is x. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_atan(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_atan = {
    BT_UNARY_FIELDS_EXTRA, .name = "Atan",
    .summary = "The angle, in radians, whose tangent is x."};
