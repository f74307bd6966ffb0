/* SPDX-License-Identifier: Apache-2.0
   Log: y = ln(x), the natural logarithm; -inf at 0, NaN below. */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_log(v))
BT_ROW_KERNEL(BT_LOG)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_log = {BT_UNARY_FIELDS, .name = "Log", .summary = "Natural logarithm."};
