/* SPDX-License-Identifier: Apache-2.0
   Hardmax: 1 for the first largest element along an axis, 0 for the others. */
#include <string.h>

#include "ops/shared/arg.h"

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
  const bt_tensor* x = c->in[0];
  const bt_axis a = bt_split_at(x, c->attr[AXIS].i);
  const bt_arg_fn find = bt_arg_for(x->dtype);
  if (bt_count(x) == 0) return BT_OK;
  memset(c->out[0]->data, 0, bt_bytes(x));
  for (int64_t i = 0; i < a.outer * a.inner; ++i) {
    const int64_t at = i / a.inner * a.n * a.inner + i % a.inner;
    bt_put(c->out[0], at + find(x->data, at, a.n, a.inner, 1, 0) * a.inner, 1.0);
  }
  return BT_OK;
}

const bt_op bt_op_hardmax = {
    .name = "Hardmax", .summary = "1 at the largest element along an axis, else 0.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_EXTRA,
    .layout = BT_LAYOUT_AXIS, .infer = infer, .run = run};
