/* SPDX-License-Identifier: Apache-2.0
   IsInf: y = 1 where x is infinite, else 0. The attributes detect_negative and detect_positive say
   which of the two infinities count. */
#include <math.h>

#include "ops/shared/float_test.h"

enum { NEGATIVE, POSITIVE };
static const bt_attr_spec attrs[] = {{.name = "detect_negative", .kind = BT_INT, .i = 1},
                                     {.name = "detect_positive", .kind = BT_INT, .i = 1},
                                     {0}};

BT_FLOAT_TEST((c->attr[NEGATIVE].i && v == -INFINITY) || (c->attr[POSITIVE].i && v == INFINITY))

const bt_op bt_op_is_inf = {
    .name = "IsInf", .summary = "Which elements are infinite.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE | BT_OP_EXTRA,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
