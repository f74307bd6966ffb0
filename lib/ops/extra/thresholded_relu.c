/* SPDX-License-Identifier: Apache-2.0
   ThresholdedRelu: y = x above alpha, 0 elsewhere (for NaN, too). */
#include "ops/shared/unary.h"

enum { ALPHA };
static const bt_attr_spec attrs[] = {{.name = "alpha", .kind = BT_FLOAT, .f = 1}, {0}};

BT_ONE(v > (double)c->attr[ALPHA].f ? v : 0)
BT_ROW(const float alpha = c->attr[ALPHA].f, v > alpha ? v : 0.0f)
BT_UNARY(BT_TYPES_FLOAT)

const bt_op bt_op_thresholded_relu = {
    BT_UNARY_FIELDS_EXTRA, .name = "ThresholdedRelu", .attrs = attrs,
    .summary = "x above alpha, 0 elsewhere."};
