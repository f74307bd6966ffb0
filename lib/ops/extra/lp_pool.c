/* SPDX-License-Identifier: Apache-2.0
   LpPool: (sum of |x|^p)^(1/p) under every position of a sliding window, computed in doubles. */
#include <math.h>

#include "kernels/math_f64.h"
#include "ops/shared/pooling.h"
#include "runtime/shape.h"

enum { P = BT_POOL_ATTRS };
static const bt_attr_spec attrs[] = {
    BT_POOL_ATTR_SPECS, {.name = "p", .kind = BT_INT, .i = 2}, {0}};

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  if (c->attr[P].i < 1)
    return bt_fail(c, BT_BAD_INPUT, "p is %lld; it must be at least 1", (long long)c->attr[P].i);
  return bt_pooling_infer(c);
}

static void pixel(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  const double p = (double)c->attr[P].i;
  bt_tensor x = {.dtype = c->in[0]->dtype}, y = {.dtype = x.dtype, .data = py};
  for (int64_t i = 0; i < channels; ++i) {
    double sum = 0.0;
    BT_POOL_EACH(unsigned char, tap, taps) {
      x.data = (unsigned char*)(uintptr_t)tap; /* only read */
      const double v = fabs(bt_get(&x, i));
      sum += p == 1 ? v : p == 2 ? v * v : bt_pow(v, p);
    }
    bt_put(&y, i, p == 1 ? sum : p == 2 ? sqrt(sum) : bt_pow(sum, 1.0 / p));
  }
}

static bt_status run(bt_call* c) { return bt_pooling_run(c, pixel); }

const bt_op bt_op_lp_pool = {
    .name = "LpPool", .summary = "The p-norm under a sliding window.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_EXTRA,
    .layout = BT_LAYOUT_SPATIAL, .infer = infer, .prepare = bt_pooling_prepare, .run = run};
