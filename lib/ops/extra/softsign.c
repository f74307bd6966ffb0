/* SPDX-License-Identifier: Apache-2.0
   Softsign: y = x / (1 + |x|). */
#include <math.h>

#include "ops/shared/unary.h"

BT_ONE(v / (1.0 + fabs(v)))
BT_ROW(, v / (1.0f + fabsf(v)))
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_softsign = {
    BT_UNARY_FIELDS_EXTRA, .name = "Softsign",
    .summary = "x / (1 + |x|)."};
