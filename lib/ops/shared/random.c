/* SPDX-License-Identifier: Apache-2.0
   Random numbers. */
#include "ops/shared/random.h"

#include <inttypes.h>
#include <math.h>

#include "kernels/math_f64.h"
#include "runtime/shape.h"

double bt_random_unit(bt_call* c) { return (double)(bt_random(c) >> 11) * 0x1p-53; }

static bt_status shape_of(bt_call* c, const bt_attr* shape, bt_tensor* y) {
  BT_TRY(bt_need_max_rank(c, shape->n));
  for (int i = 0; i < shape->n; ++i)
    if (shape->u.ints[i] < 0)
      return bt_fail(c, BT_BAD_INPUT, "shape has a negative length, %" PRId64, shape->u.ints[i]);
  bt_set_shape(y, y->dtype, shape->n, shape->u.ints);
  return BT_OK;
}

bt_status bt_random_infer(bt_call* c, int dtype, int shape) {
  bt_tensor* y = c->out[0];
  const int64_t type = c->attr[dtype].i;
  if (shape >= 0) BT_TRY(shape_of(c, &c->attr[shape], y));
  else bt_set_like(y, c->in[0]);
  if (type < 0 || type >= BT_DTYPE_COUNT || (type && !bt_is_float((bt_dtype)type)))
    return bt_fail(c, BT_BAD_INPUT, "dtype is %" PRId64 ", which is no float type", type);
  if (type) y->dtype = (bt_dtype)type;
  if (!bt_is_float(y->dtype))
    return bt_fail(c, BT_BAD_INPUT, "the input has type %s; dtype must name a float type",
                   bt_dtype_name(y->dtype));
  return BT_OK;
}

bt_status bt_random_uniform(bt_call* c, double low, double high) {
  const int64_t n = bt_count(c->out[0]);
  for (int64_t i = 0; i < n; ++i) bt_put(c->out[0], i, low + (high - low) * bt_random_unit(c));
  return BT_OK;
}

/* Box and Muller 1958: two numbers of each pair of uniform ones. */
bt_status bt_random_normal(bt_call* c, double mean, double deviation) {
  const double two_pi = 6.283185307179586;
  const int64_t n = bt_count(c->out[0]);
  for (int64_t i = 0; i < n; i += 2) {
    const double radius = sqrt(-2.0 * bt_log(1.0 - bt_random_unit(c))); /* the log of (0, 1] */
    const double angle = two_pi * bt_random_unit(c);
    bt_put(c->out[0], i, mean + deviation * (radius * bt_cos(angle)));
    if (i + 1 < n) bt_put(c->out[0], i + 1, mean + deviation * (radius * bt_sin(angle)));
  }
  return BT_OK;
}
