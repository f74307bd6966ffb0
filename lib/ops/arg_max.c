/* SPDX-License-Identifier: Apache-2.0
   ArgMax: the place of the largest element along an axis. */
#include "ops/shared/arg.h"

static const bt_attr_spec attrs[] = {BT_ARG_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_arg_run(c, 1); }

const bt_op bt_op_arg_max = {
    .name = "ArgMax", .summary = "The place of the largest element along an axis.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_AXIS, .infer = bt_arg_infer, .run = run};
