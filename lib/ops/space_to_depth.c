/* SPDX-License-Identifier: Apache-2.0
   SpaceToDepth: every square of blocksize^2 pixels becomes one pixel, with channels in the order
   (row, column, channel). */
#include "ops/shared/blocks.h"
#include "ops/shared/window.h"
#include "runtime/shape.h"

enum { BLOCKSIZE, LAYOUT };
static const bt_attr_spec attrs[] = {
    {.name = "blocksize", .kind = BT_INT, .required = 1},
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {0}};

static bt_blocks_shape shape(const bt_call* c) {
  return (bt_blocks_shape){.last = c->attr[LAYOUT].i != 0, .block = c->attr[BLOCKSIZE].i};
}

static bt_status infer(bt_call* c) {
  const bt_blocks_shape s = shape(c);
  int64_t d[4];
  BT_TRY(bt_blocks_input(c, &s, d));
  if ((bt_known(d[2]) && d[2] % s.block) || (bt_known(d[3]) && d[3] % s.block)) {
    char text[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT, "an image of shape %s cannot be cut into squares of %lld",
                   bt_shape_text(c->in[0], text), (long long)s.block);
  }
  const int64_t out[4] = {d[0], bt_dim_mul(d[1], bt_dim_mul(s.block, s.block)),
                          bt_known(d[2]) ? d[2] / s.block : -1,
                          bt_known(d[3]) ? d[3] / s.block : -1};
  bt_blocks_output(c, &s, out);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_blocks_shape s = shape(c);
  bt_blocks_move(c, &s, 0);
  return BT_OK;
}

const bt_op bt_op_space_to_depth = {
    .name = "SpaceToDepth", .summary = "Squares of pixels become groups of channels.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_SAME, .infer = infer, .run = run};
