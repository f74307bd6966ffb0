/* SPDX-License-Identifier: Apache-2.0
   Tanh: y = tanh(x). */
#include "kernels/math_f64.h"
#include "ops/shared/unary.h"

BT_ONE(bt_tanh(v))
BT_ROW_KERNEL(BT_TANH)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_tanh = {BT_UNARY_FIELDS, .name = "Tanh", .summary = "Hyperbolic tangent."};
