/* SPDX-License-Identifier: Apache-2.0
   DepthToSpace: every group of blocksize^2 channels becomes a square of pixels. Channels are
   grouped as (row, column, channel) in mode DCR, as (channel, row, column) in mode CRD. */
#include "ops/shared/blocks.h"
#include "ops/shared/window.h"
#include "runtime/shape.h"

enum { BLOCKSIZE, LAYOUT, MODE };
static const bt_attr_spec attrs[] = {
    {.name = "blocksize", .kind = BT_INT, .required = 1},
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {.name = "mode", .kind = BT_ENUM, .words = "DCR|CRD"},
    {0}};

static bt_blocks_shape shape(const bt_call* c) {
  return (bt_blocks_shape){.last = c->attr[LAYOUT].i != 0, .crd = c->attr[MODE].i != 0,
                           .block = c->attr[BLOCKSIZE].i};
}

static bt_status infer(bt_call* c) {
  const bt_blocks_shape s = shape(c);
  int64_t d[4];
  BT_TRY(bt_blocks_input(c, &s, d));
  const int64_t square = bt_dim_mul(s.block, s.block);
  if (bt_known(d[1]) && d[1] % square)
    return bt_fail(c, BT_BAD_INPUT, "%lld channels cannot be split into groups of %lld",
                   (long long)d[1], (long long)square);
  const int64_t out[4] = {d[0], bt_known(d[1]) ? d[1] / square : -1, bt_dim_mul(d[2], s.block),
                          bt_dim_mul(d[3], s.block)};
  bt_blocks_output(c, &s, out);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_blocks_shape s = shape(c);
  bt_blocks_move(c, &s, 1);
  return BT_OK;
}

const bt_op bt_op_depth_to_space = {
    .name = "DepthToSpace", .summary = "Groups of channels become squares of pixels.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_SAME, .infer = infer, .run = run};
