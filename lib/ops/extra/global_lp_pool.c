/* SPDX-License-Identifier: Apache-2.0
   GlobalLpPool: (sum of |x|^p)^(1/p) over every channel of every image, computed in doubles. */
#include <math.h>

#include "kernels/math_f64.h"
#include "ops/shared/reduce.h"
#include "ops/shared/window.h"
#include "runtime/shape.h"

enum { LAYOUT, P };
static const bt_attr_spec attrs[] = {
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {.name = "p", .kind = BT_INT, .i = 2},
    {0}};

static bt_status infer(bt_call* c) {
  if (c->attr[P].i < 1)
    return bt_fail(c, BT_BAD_INPUT, "p is %lld; it must be at least 1", (long long)c->attr[P].i);
  return bt_global_infer(c, BT_TYPES_FLOAT, LAYOUT);
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int last = c->attr[LAYOUT].i != 0;
  const int64_t channels = x->dims[last ? x->rank - 1 : 1], outputs = bt_count(c->out[0]);
  const int64_t plane = last ? bt_extent(x, 1, x->rank - 1) : bt_extent(x, 2, x->rank);
  const int64_t step = last ? channels : 1;
  const double p = (double)c->attr[P].i;
  for (int64_t o = 0; o < outputs; ++o) {
    const int64_t first = last ? o / channels * plane * channels + o % channels : o * plane;
    double sum = 0.0;
    for (int64_t i = 0; i < plane; ++i) {
      const double v = fabs(bt_get(x, first + i * step));
      sum += p == 1 ? v : p == 2 ? v * v : bt_pow(v, p);
    }
    bt_put(c->out[0], o, p == 1 ? sum : p == 2 ? sqrt(sum) : bt_pow(sum, 1.0 / p));
  }
  return BT_OK;
}

const bt_op bt_op_global_lp_pool = {
    .name = "GlobalLpPool", .summary = "The p-norm of every channel.", .attrs = attrs, .in_min = 1,
    .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_EXTRA,
    .layout = BT_LAYOUT_SPATIAL, .infer = infer, .run = run};
