/* SPDX-License-Identifier: Apache-2.0
   RandomUniformLike: RandomUniform with the shape and, unless dtype says more, the type of the
   input. */
#include "ops/shared/random.h"

enum { DTYPE, HIGH, LOW };
static const bt_attr_spec attrs[] = {{.name = "dtype", .kind = BT_INT},
                                     {.name = "high", .kind = BT_FLOAT, .f = 1},
                                     {.name = "low", .kind = BT_FLOAT},
                                     {.name = "seed", .kind = BT_FLOAT},
                                     {0}};

static bt_status infer(bt_call* c) { return bt_random_infer(c, DTYPE, -1); }

static bt_status run(bt_call* c) {
  return bt_random_uniform(c, (double)c->attr[LOW].f, (double)c->attr[HIGH].f);
}

const bt_op bt_op_random_uniform_like = {
    .name = "RandomUniformLike",
    .summary = "Uniformly distributed numbers in the shape of a tensor.",
    .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,
    .flags = BT_RANDOM_FLAGS, .infer = infer, .run = run};
