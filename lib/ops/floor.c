/* SPDX-License-Identifier: Apache-2.0
   Floor: the largest integer that is not above x. */
#include <math.h>

#include "ops/shared/unary.h"

BT_ONE(floor(v))
BT_ROW(, floorf(v))
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_floor = {
    BT_UNARY_FIELDS, .name = "Floor",
    .summary = "The largest integer that is not above x."};
