/* SPDX-License-Identifier: Apache-2.0
   BitShift: y = a shifted by b bits, to the left or right, for unsigned integers; broadcast. A
   shift by the width of the type or more gives 0. */
#include "ops/shared/bits.h"

enum { DIRECTION };
enum { LEFT, RIGHT };
static const bt_attr_spec attrs[] = {
    {.name = "direction", .kind = BT_ENUM, .required = 1, .words = "LEFT|RIGHT"}, {0}};

BT_ROWS2_BITS(left, b < 64 ? a << b : 0)
BT_ROWS2_BITS(right, b < 64 ? a >> b : 0)

static bt_status infer(bt_call* c) { return bt_binary_infer(c, BT_TYPES_UNSIGNED, BT_NONE); }

static bt_status run(bt_call* c) {
  const bt_dtype type = c->in[0]->dtype;
  const int to_left = c->attr[DIRECTION].i == LEFT;
  bt_binary_run(c, c->in[0], c->in[1], c->out[0],
                to_left ? BT_BITS_PICK(left, type) : BT_BITS_PICK(right, type));
  return BT_OK;
}

const bt_op bt_op_bit_shift = {
    .name = "BitShift", .summary = "Unsigned integers shifted by a number of bits.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
    .flags = BT_OP_INPLACE | BT_OP_EXTRA, .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer,
    .run = run};
