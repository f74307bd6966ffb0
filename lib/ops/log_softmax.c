/* SPDX-License-Identifier: Apache-2.0
   LogSoftmax: the logarithm of Softmax, computed without the detour. */
#include "ops/shared/softmax.h"

enum { AXIS };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = -1}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int axis = 0;
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  if (bt_has_rank(x)) BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
  bt_set_like(c->out[0], x);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  bt_softmax(c, c->in[0], c->out[0], bt_split_at(c->in[0], c->attr[AXIS].i), 1);
  return BT_OK;
}

const bt_op bt_op_log_softmax = {
    .name = "LogSoftmax", .summary = "Logarithms of Softmax.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_AXIS, .infer = infer, .run = run};
