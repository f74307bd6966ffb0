/* SPDX-License-Identifier: Apache-2.0
   HardSigmoid: y = max(0, min(1, alpha * x + beta)). NaN stays. */
#include "ops/shared/unary.h"

enum { ALPHA, BETA };
static const bt_attr_spec attrs[] = {{.name = "alpha", .kind = BT_FLOAT, .f = 0.2f},
                                     {.name = "beta", .kind = BT_FLOAT, .f = 0.5f},
                                     {0}};

static double one(const bt_call* c, double v) {
  const double line = (double)c->attr[ALPHA].f * v + (double)c->attr[BETA].f;
  return line < 0 ? 0 : line > 1 ? 1 : line;
}
static float bound(float line) { return line < 0.0f ? 0.0f : line > 1.0f ? 1.0f : line; }
BT_ROW(const float alpha = c->attr[ALPHA].f; const float beta = c->attr[BETA].f,
       bound(alpha * v + beta))
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_hard_sigmoid = {
    BT_UNARY_FIELDS, .name = "HardSigmoid", .attrs = attrs,
    .summary = "A straight line, clamped to [0, 1]."};
