/* SPDX-License-Identifier: Apache-2.0
   Windows that are sums of cosines. */
#include "ops/shared/cosine_window.h"

#include <inttypes.h>

#include "kernels/math_f64.h"
#include "ops/shared/elementwise.h"
#include "runtime/shape.h"

enum { OUTPUT_DATATYPE, PERIODIC };

bt_status bt_need_number_type(bt_call* c, int64_t type) {
  if (type > 0 && type < BT_DTYPE_COUNT && bt_is_type((bt_dtype)type, BT_TYPES_NUMBER))
    return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "output_datatype is %" PRId64 ", which is no type of numbers",
                 type);
}

bt_status bt_cosine_window_infer(bt_call* c) {
  int64_t size = -1;
  BT_TRY(bt_need_type(c, 0, BT_TYPES_INDEX));
  BT_TRY(bt_need_one_element(c, 0, "the size"));
  BT_TRY(bt_need_number_type(c, c->attr[OUTPUT_DATATYPE].i));
  if (bt_has_partial(c, 0)) BT_TRY(bt_value_dim(c, 0, 0, "the window", &size));
  bt_set_vector(c->out[0], (bt_dtype)c->attr[OUTPUT_DATATYPE].i, size);
  return BT_OK;
}

bt_status bt_cosine_window(bt_call* c, double a0, double a1, double a2) {
  const int64_t size = bt_count(c->out[0]), n = c->attr[PERIODIC].i ? size : size - 1;
  for (int64_t k = 0; k < size; ++k) {
    const double angle = n > 0 ? 6.283185307179586 * ((double)k / (double)n) : 0;
    const double value = a0 - a1 * bt_cos(angle) + a2 * bt_cos(2.0 * angle);
    bt_put(c->out[0], k, n > 0 ? value : 1.0);
  }
  return BT_OK;
}
