/* SPDX-License-Identifier: Apache-2.0
   Cosh: y = (e^x + e^-x) / 2. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_cosh(v))
BT_ROW_OF_ONE
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_cosh = {BT_UNARY_FIELDS_EXTRA, .name = "Cosh", .summary = "Hyperbolic cosine."};
