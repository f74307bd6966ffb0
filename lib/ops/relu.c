/* SPDX-License-Identifier: Apache-2.0
   Relu: y = max(x, 0). NaN and -0 stay. */
#include "ops/shared/unary.h"

BT_ONE(v < 0 ? 0 : v)
BT_ROW_KERNEL(BT_RELU)
BT_MAP_SIGNED(whole, v < 0 ? 0 : v)
static const bt_map_fn integers[BT_DTYPE_COUNT] = {BT_OF_SIGNED(whole)};
BT_UNARY_NUMBER(BT_TYPES_FLOAT | BT_TYPES_SIGNED)

const bt_op bt_op_relu = {BT_UNARY_FIELDS, .name = "Relu", .summary = "x above 0, 0 below."};
