/* SPDX-License-Identifier: Apache-2.0
   RandomNormalLike: RandomNormal with the shape and, unless dtype says more, the type of the
   input. */
#include "ops/shared/random.h"

enum { DTYPE, MEAN, SCALE };
static const bt_attr_spec attrs[] = {{.name = "dtype", .kind = BT_INT},
                                     {.name = "mean", .kind = BT_FLOAT},
                                     {.name = "scale", .kind = BT_FLOAT, .f = 1},
                                     {.name = "seed", .kind = BT_FLOAT},
                                     {0}};

static bt_status infer(bt_call* c) { return bt_random_infer(c, DTYPE, -1); }

static bt_status run(bt_call* c) {
  return bt_random_normal(c, (double)c->attr[MEAN].f, (double)c->attr[SCALE].f);
}

const bt_op bt_op_random_normal_like = {
    .name = "RandomNormalLike", .summary = "Normally distributed numbers in the shape of a tensor.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
    .flags = BT_RANDOM_FLAGS, .infer = infer, .run = run};
