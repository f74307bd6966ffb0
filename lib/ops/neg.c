/* SPDX-License-Identifier: Apache-2.0
   Neg: y = -x. The lowest integer of a type has no counterpart and stays what it is. */
#include "ops/shared/unary.h"

BT_ONE(-v)
BT_ROW_KERNEL(BT_NEG)
BT_MAP_SIGNED(whole, 0 - (uint64_t)v)
static const bt_map_fn integers[BT_DTYPE_COUNT] = {BT_OF_SIGNED(whole)};
BT_UNARY_NUMBER(BT_TYPES_FLOAT | BT_TYPES_SIGNED)

const bt_op bt_op_neg = {BT_UNARY_FIELDS, .name = "Neg", .summary = "-x."};
