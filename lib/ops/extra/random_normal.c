/* SPDX-License-Identifier: Apache-2.0
   RandomNormal: a tensor of normally distributed numbers of this mean and deviation
   (scale). */
#include "ops/shared/random.h"

enum { DTYPE, MEAN, SCALE, SEED, SHAPE };
static const bt_attr_spec attrs[] = {{.name = "dtype", .kind = BT_INT, .i = BT_F32},
                                     {.name = "mean", .kind = BT_FLOAT},
                                     {.name = "scale", .kind = BT_FLOAT, .f = 1},
                                     {.name = "seed", .kind = BT_FLOAT},
                                     {.name = "shape", .kind = BT_INTS, .required = 1},
                                     {0}};

static bt_status infer(bt_call* c) { return bt_random_infer(c, DTYPE, SHAPE); }

static bt_status run(bt_call* c) {
  return bt_random_normal(c, (double)c->attr[MEAN].f, (double)c->attr[SCALE].f);
}

const bt_op bt_op_random_normal = {
    .name = "RandomNormal", .summary = "Normally distributed numbers.",
    .attrs = attrs, .in_min = 0, .in_max = 0, .out_min = 1, .out_max = 1,
    .flags = BT_RANDOM_FLAGS, .infer = infer, .run = run};
