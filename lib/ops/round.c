/* SPDX-License-Identifier: Apache-2.0
   Round: the nearest integer; of two equally near ones the even one. */
#include <math.h>

#include "ops/shared/unary.h"

BT_ONE(rint(v))
BT_ROW(, rintf(v))
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_round = {
    BT_UNARY_FIELDS, .name = "Round",
    .summary = "The nearest integer, halves to even."};
