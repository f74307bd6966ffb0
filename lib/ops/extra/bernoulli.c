/* SPDX-License-Identifier: Apache-2.0
   Bernoulli: y = 1 with the probability x, else 0, in the type of x or `dtype`. */
#include <inttypes.h>

#include "ops/shared/random.h"
#include "runtime/shape.h"

enum { DTYPE };
static const bt_attr_spec attrs[] = {
    {.name = "dtype", .kind = BT_INT}, {.name = "seed", .kind = BT_FLOAT}, {0}};

static bt_status infer(bt_call* c) {
  const int64_t type = c->attr[DTYPE].i;
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  if (type < 0 || type >= BT_DTYPE_COUNT ||
      (type && !bt_is_type((bt_dtype)type, BT_TYPES_NUMBER | BT_BIT(BT_BOOL))))
    return bt_fail(c, BT_BAD_INPUT, "dtype is %" PRId64 ", which is no type of numbers", type);
  bt_set_like(c->out[0], c->in[0]);
  if (type) c->out[0]->dtype = (bt_dtype)type;
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const int64_t n = bt_count(c->in[0]);
  for (int64_t i = 0; i < n; ++i) {
    const double p = bt_get(c->in[0], i);
    bt_put_int(c->out[0], i, bt_random_unit(c) < p);
  }
  return BT_OK;
}

const bt_op bt_op_bernoulli = {
    .name = "Bernoulli", .summary = "1 with a given probability, else 0.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_RANDOM_FLAGS,
    .infer = infer, .run = run};
