/* SPDX-License-Identifier: Apache-2.0
   Sign: y = -1, 0 or 1, as x is below, equal to or above 0. NaN stays. */
#include "ops/shared/unary.h"

BT_ONE(v > 0 ? 1 : v < 0 ? -1 : v == 0 ? 0 : v)
BT_ROW(, v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v == 0.0f ? 0.0f : v)
BT_MAP_SIGNED(whole, (v > 0) - (v < 0))
BT_MAP_UNSIGNED(whole, v > 0)
static const bt_map_fn integers[BT_DTYPE_COUNT] = {BT_OF_SIGNED(whole), BT_OF_UNSIGNED(whole)};
BT_UNARY_NUMBER(BT_TYPES_NUMBER)

const bt_op bt_op_sign = {BT_UNARY_FIELDS, .name = "Sign", .summary = "-1, 0 or 1: the sign of x."};
