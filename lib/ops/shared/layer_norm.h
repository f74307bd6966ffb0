/* SPDX-License-Identifier: Apache-2.0
   Normalisation of the trailing axes: LayerNormalization, and RMSNormalization, which takes no mean
   away. Inputs: X, scale, and (LayerNormalization) bias, both of which may broadcast to X. */
#ifndef BANTAM_OPS_SHARED_LAYER_NORM_H_
#define BANTAM_OPS_SHARED_LAYER_NORM_H_
#include "runtime/op.h"

enum { BT_LAYER_NORM_AXIS, BT_LAYER_NORM_EPSILON, BT_LAYER_NORM_STASH };
#define BT_LAYER_NORM_ATTRS                                 \
  {.name = "axis", .kind = BT_INT, .i = -1},                \
  {.name = "epsilon", .kind = BT_FLOAT, .f = 1e-5f},        \
  {.name = "stash_type", .kind = BT_INT, .i = 1}

/* Output 0 like X; outputs 1 and 2, the mean and 1 / deviation, with lengths of 1 from `axis`
   on. */
bt_status bt_layer_norm_infer(bt_call* c);
bt_status bt_layer_norm_run(bt_call* c, int centred);

#endif
