/* SPDX-License-Identifier: Apache-2.0
   CastLike: input 0 in the type of input 1, of which nothing else is used; otherwise like Cast. */
#include "ops/shared/convert.h"

static const bt_attr_spec attrs[] = {BT_CAST_ATTRS, {0}};

static bt_status infer(bt_call* c) { return bt_cast_infer(c, c->in[1]->dtype); }

const bt_op bt_op_cast_like = {
    .name = "CastLike", .summary = "The same numbers in the type of another tensor.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = bt_cast_run};
