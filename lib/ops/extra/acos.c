/* SPDX-License-Identifier: Apache-2.0
   Acos: the angle in [0, pi] whose cosine is x; NaN outside of [-1, 1]. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_acos(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_acos = {
    BT_UNARY_FIELDS_EXTRA, .name = "Acos",
    .summary = "The angle, in radians, whose cosine is x."};
