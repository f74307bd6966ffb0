/* SPDX-License-Identifier: Apache-2.0
   BitwiseNot: every bit of an integer turned over. */
#include "ops/shared/elementwise.h"

BT_MAP(row_1, uint8_t, uint64_t, uint8_t, ~v)
BT_MAP(row_2, uint16_t, uint64_t, uint16_t, ~v)
BT_MAP(row_4, uint32_t, uint64_t, uint32_t, ~v)
BT_MAP(row_8, uint64_t, uint64_t, uint64_t, ~v)

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_TYPES_INT));
  bt_set_like(c->out[0], c->in[0]);
  return BT_OK;
}
static bt_status run(bt_call* c) {
  const size_t bytes = bt_dtype_size(c->in[0]->dtype);
  return bt_map_run(c, bytes == 1 ? row_1 : bytes == 2 ? row_2 : bytes == 4 ? row_4 : row_8);
}

const bt_op bt_op_bitwise_not = {
    .name = "BitwiseNot", .summary = "Every bit turned over.", .in_min = 1, .in_max = 1,
    .out_min = 1, .out_max = 1, .flags = BT_OP_INPLACE | BT_OP_EXTRA,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
