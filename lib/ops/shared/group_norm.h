/* SPDX-License-Identifier: Apache-2.0
   Normalisation of groups of channels of one image: GroupNormalization, and InstanceNormalization,
   where every channel is a group. Inputs: X, and scale and bias with one number per channel. */
#ifndef BANTAM_OPS_SHARED_GROUP_NORM_H_
#define BANTAM_OPS_SHARED_GROUP_NORM_H_
#include "ops/shared/window.h"

/* The places of the attributes epsilon and layout are the first two of both operators. */
enum { BT_GROUP_NORM_EPSILON, BT_GROUP_NORM_LAYOUT };
#define BT_GROUP_NORM_ATTRS                              \
  {.name = "epsilon", .kind = BT_FLOAT, .f = 1e-5f},     \
  {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1}

bt_status bt_group_norm_infer(bt_call* c);
bt_status bt_group_norm_prepare(bt_call* c);
bt_status bt_group_norm_run(bt_call* c, int64_t groups);
/* Channels of X; -1 where they are unknown. */
int64_t bt_group_norm_channels(const bt_call* c);

#endif
