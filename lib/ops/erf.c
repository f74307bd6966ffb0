/* SPDX-License-Identifier: Apache-2.0
   Erf: the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_erf(v))
BT_ROW_KERNEL(BT_ERF)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_erf = {BT_UNARY_FIELDS, .name = "Erf", .summary = "The error function."};
