/* SPDX-License-Identifier: Apache-2.0
   InstanceNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias for every channel of
   every image on its own. */
#include "ops/shared/group_norm.h"

static const bt_attr_spec attrs[] = {BT_GROUP_NORM_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_group_norm_run(c, bt_group_norm_channels(c)); }

const bt_op bt_op_instance_normalization = {
    .name = "InstanceNormalization", .summary = "Normalisation of every channel of every image.",
    .attrs = attrs, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .infer = bt_group_norm_infer, .prepare = bt_group_norm_prepare,
    .run = run};
