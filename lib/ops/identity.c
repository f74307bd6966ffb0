/* SPDX-License-Identifier: Apache-2.0
   Identity: y = x, without a copy. */
#include "runtime/shape.h"

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  bt_set_like(c->out[0], c->in[0]);
  return BT_OK;
}

const bt_op bt_op_identity = {
    .name = "Identity", .summary = "The input itself.", .in_min = 1, .in_max = 1, .out_min = 1,
    .out_max = 1, .flags = BT_OP_VIEW, .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_SAME,
    .infer = infer};
