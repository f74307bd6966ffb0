/* SPDX-License-Identifier: Apache-2.0
   Abs: y = |x|. The lowest integer of a type has no counterpart and stays what it is. */
#include <math.h>

#include "ops/shared/unary.h"

BT_ONE(fabs(v))
BT_ROW_KERNEL(BT_ABS)
BT_MAP_SIGNED(whole, v < 0 ? 0 - (uint64_t)v : (uint64_t)v)
BT_MAP_UNSIGNED(whole, v)
static const bt_map_fn integers[BT_DTYPE_COUNT] = {BT_OF_SIGNED(whole), BT_OF_UNSIGNED(whole)};
BT_UNARY_NUMBER(BT_TYPES_NUMBER)

const bt_op bt_op_abs = {BT_UNARY_FIELDS, .name = "Abs", .summary = "Absolute value."};
