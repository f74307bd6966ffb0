/* SPDX-License-Identifier: Apache-2.0
   Size: the number of elements, as a scalar of i64. */
#include "runtime/shape.h"

static bt_status infer(bt_call* c) {
  bt_set_scalar(c->out[0], BT_I64);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  *(int64_t*)c->out[0]->data = bt_count(c->in[0]);
  return BT_OK;
}

const bt_op bt_op_size = {
    .name = "Size", .summary = "The number of elements.", .in_min = 1, .in_max = 1, .out_min = 1,
    .out_max = 1, .flags = BT_OP_SHAPE, .infer = infer, .run = run};
