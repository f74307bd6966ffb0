/* SPDX-License-Identifier: Apache-2.0
   GroupNormalization: (x - mean) / sqrt(variance + epsilon) over num_groups equal groups of
   channels, then * scale + bias channel by channel (the form of opset 21). */
#include "ops/shared/group_norm.h"
#include "runtime/shape.h"

enum { NUM_GROUPS = 2 };
static const bt_attr_spec attrs[] = {
    BT_GROUP_NORM_ATTRS, {.name = "num_groups", .kind = BT_INT, .required = 1},
    {.name = "stash_type", .kind = BT_INT, .i = 1}, {0}};

static bt_status infer(bt_call* c) {
  BT_TRY(bt_group_norm_infer(c));
  const int64_t groups = c->attr[NUM_GROUPS].i, channels = bt_group_norm_channels(c);
  if (groups < 1 || (bt_known(channels) && channels % groups))
    return bt_fail(c, BT_BAD_INPUT, "%lld channels cannot be split into num_groups=%lld",
                   (long long)channels, (long long)groups);
  return BT_OK;
}

static bt_status run(bt_call* c) { return bt_group_norm_run(c, c->attr[NUM_GROUPS].i); }

const bt_op bt_op_group_normalization = {
    .name = "GroupNormalization", .summary = "Normalisation of groups of channels.",
    .attrs = attrs, .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .infer = infer, .prepare = bt_group_norm_prepare, .run = run};
