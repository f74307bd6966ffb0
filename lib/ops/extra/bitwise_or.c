/* SPDX-License-Identifier: Apache-2.0
   BitwiseOr: y = a | b, the bits of at least one of two integers; broadcast. */
#include "ops/shared/bits.h"

BT_ROWS2_BITS(row, a | b)

static bt_status infer(bt_call* c) { return bt_binary_infer(c, BT_TYPES_INT, BT_NONE); }
static bt_status run(bt_call* c) {
  bt_binary_run(c, c->in[0], c->in[1], c->out[0], BT_BITS_PICK(row, c->in[0]->dtype));
  return BT_OK;
}

const bt_op bt_op_bitwise_or = {
    .name = "BitwiseOr", .summary = "Bits of at least one of two integers.", .in_min = 2,
    .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_INPLACE | BT_OP_EXTRA,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
