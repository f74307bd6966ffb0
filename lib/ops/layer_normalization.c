/* SPDX-License-Identifier: Apache-2.0
   LayerNormalization: (x - mean) / sqrt(variance + epsilon) * scale + bias over the axes from
   `axis` on. Outputs 1 and 2 are the means and 1 / sqrt(variance + epsilon), as f32 (f64 for an
   f64 X). */
#include "ops/shared/layer_norm.h"

static const bt_attr_spec attrs[] = {BT_LAYER_NORM_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_layer_norm_run(c, 1); }

const bt_op bt_op_layer_normalization = {
    .name = "LayerNormalization", .summary = "Normalisation of the trailing axes.", .attrs = attrs,
    .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 3, .flags = BT_OP_HALF,
    .infer = bt_layer_norm_infer, .run = run};
