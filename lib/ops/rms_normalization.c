/* SPDX-License-Identifier: Apache-2.0
   RMSNormalization: x / sqrt(mean of x^2 + epsilon) * scale over the axes from `axis` on. */
#include "ops/shared/layer_norm.h"

static const bt_attr_spec attrs[] = {BT_LAYER_NORM_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_layer_norm_run(c, 0); }

const bt_op bt_op_rms_normalization = {
    .name = "RMSNormalization", .summary = "Trailing axes divided by their root mean square.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .infer = bt_layer_norm_infer, .run = run};
