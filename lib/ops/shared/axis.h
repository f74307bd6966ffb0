/* SPDX-License-Identifier: Apache-2.0
   A tensor seen as outer x n x inner, with one axis in the middle. */
#ifndef BANTAM_OPS_SHARED_AXIS_H_
#define BANTAM_OPS_SHARED_AXIS_H_
#include "runtime/shape.h"

typedef struct bt_axis {
  int64_t outer, n, inner;
} bt_axis;

/* `axis` was checked by bt_need_axis; negative ones count from the back. */
static inline bt_axis bt_split_at(const bt_tensor* t, int64_t axis) {
  const int a = (int)(axis < 0 ? axis + t->rank : axis);
  const bt_axis split = {bt_extent(t, 0, a), t->dims[a], bt_extent(t, a + 1, t->rank)};
  return split;
}

#endif
