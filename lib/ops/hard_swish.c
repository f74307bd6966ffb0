/* SPDX-License-Identifier: Apache-2.0
   HardSwish: y = x * max(0, min(1, x/6 + 1/2)). */
#include "ops/shared/unary.h"

static double one(const bt_call* c, double v) {
  const double line = v / 6.0 + 0.5;
  (void)c;
  return v * (line < 0 ? 0 : line > 1 ? 1 : line);
}
BT_ROW_KERNEL(BT_HARD_SWISH)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_hard_swish = {
    BT_UNARY_FIELDS, .name = "HardSwish",
    .summary = "x times a straight line clamped to [0, 1]."};
