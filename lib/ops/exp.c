/* SPDX-License-Identifier: Apache-2.0
   Exp: y = e^x. */
#include "kernels/kernels.h"
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_exp(v))
BT_ROW_KERNEL(BT_EXP)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_exp = {BT_UNARY_FIELDS, .name = "Exp", .summary = "e to the power of x."};
