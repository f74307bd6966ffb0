/* SPDX-License-Identifier: Apache-2.0
   RandomUniform: a tensor of numbers between low and high, all equally likely. */
#include "ops/shared/random.h"

enum { DTYPE, HIGH, LOW, SEED, SHAPE };
static const bt_attr_spec attrs[] = {{.name = "dtype", .kind = BT_INT, .i = BT_F32},
                                     {.name = "high", .kind = BT_FLOAT, .f = 1},
                                     {.name = "low", .kind = BT_FLOAT},
                                     {.name = "seed", .kind = BT_FLOAT},
                                     {.name = "shape", .kind = BT_INTS, .required = 1},
                                     {0}};

static bt_status infer(bt_call* c) { return bt_random_infer(c, DTYPE, SHAPE); }

static bt_status run(bt_call* c) {
  return bt_random_uniform(c, (double)c->attr[LOW].f, (double)c->attr[HIGH].f);
}

const bt_op bt_op_random_uniform = {
    .name = "RandomUniform", .summary = "Uniformly distributed numbers.",
    .attrs = attrs, .in_min = 0, .in_max = 0, .out_min = 1, .out_max = 1,
    .flags = BT_RANDOM_FLAGS, .infer = infer, .run = run};
