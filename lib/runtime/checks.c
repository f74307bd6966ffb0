/* SPDX-License-Identifier: Apache-2.0
   The checks that operators share (shape.h). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "runtime/shape.h"

static void types_text(uint32_t types, char* text, size_t size) {
  size_t used = 0;
  text[0] = 0;
  for (int d = 1; d < BT_DTYPE_COUNT && used + 16 < size; ++d)
    if (types & BT_BIT(d))
      used += (size_t)snprintf(text + used, size - used, used ? ", %s" : "%s",
                               bt_dtype_name((bt_dtype)d));
}

bt_status bt_need_type(bt_call* c, int i, uint32_t types) {
  if (!bt_given(c, i)) return BT_OK;
  const bt_dtype t = c->in[i]->dtype;
  if (bt_is_type(t, types)) return BT_OK;
  char text[200];
  types_text(types, text, sizeof text);
  return bt_fail(c, BT_UNSUPPORTED, "input %d has type %s; this operator takes %s", i,
                 bt_dtype_name(t), text);
}

bt_status bt_need_same_type(bt_call* c, int i, int j) {
  if (!bt_given(c, i) || !bt_given(c, j) || c->in[i]->dtype == c->in[j]->dtype) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "input %d has type %s but input %d has type %s; they must be equal",
                 i, bt_dtype_name(c->in[i]->dtype), j, bt_dtype_name(c->in[j]->dtype));
}

bt_status bt_need_rank(bt_call* c, int i, int rank) {
  return bt_need_rank_between(c, i, rank, rank);
}

bt_status bt_need_rank_between(bt_call* c, int i, int low, int high) {
  if (!bt_given(c, i) || c->in[i]->rank < 0) return BT_OK;
  const int rank = c->in[i]->rank;
  char text[BT_SHAPE_TEXT];
  if (rank >= low && rank <= high) return BT_OK;
  if (low == high)
    return bt_fail(c, BT_BAD_INPUT, "input %d has shape %s; rank %d is needed", i,
                   bt_shape_text(c->in[i], text), low);
  return bt_fail(c, BT_BAD_INPUT, "input %d has shape %s; a rank from %d to %d is needed", i,
                 bt_shape_text(c->in[i], text), low, high);
}

bt_status bt_need_vector(bt_call* c, int i, int64_t n, const char* what) {
  if (!bt_given(c, i) || c->in[i]->rank < 0) return BT_OK;
  const bt_tensor* t = c->in[i];
  char text[BT_SHAPE_TEXT];
  if (t->rank == 1 && !bt_clash(t->dims[0], n)) return BT_OK;
  if (n < 0)
    return bt_fail(c, BT_BAD_INPUT, "%s has shape %s; a vector is needed", what,
                   bt_shape_text(t, text));
  return bt_fail(c, BT_BAD_INPUT, "%s has shape %s; a vector of %" PRId64 " is needed", what,
                 bt_shape_text(t, text), n);
}

bt_status bt_need_axis(bt_call* c, int64_t axis, int rank, const char* what, int* result) {
  if (axis < -(int64_t)rank || axis >= rank)
    return bt_fail(c, BT_BAD_INPUT, "%s is %" PRId64 "; a tensor of rank %d has axes from %d to %d",
                   what, axis, rank, -rank, rank - 1);
  *result = (int)(axis < 0 ? axis + rank : axis);
  return BT_OK;
}

bt_status bt_need_axes(bt_call* c, const int64_t* axes, int64_t n, int rank, int* marked) {
  memset(marked, 0, BT_MAX_RANK * sizeof *marked);
  for (int64_t i = 0; i < n; ++i) {
    int axis = 0;
    BT_TRY(bt_need_axis(c, axes[i], rank, "axes", &axis));
    if (marked[axis]) return bt_fail(c, BT_BAD_INPUT, "axes names axis %d twice", axis);
    marked[axis] = 1;
  }
  return BT_OK;
}

bt_status bt_need_max_rank(bt_call* c, int64_t rank) {
  if (rank <= BT_MAX_RANK) return BT_OK;
  return bt_fail(c, BT_UNSUPPORTED, "rank %" PRId64 " is above the largest supported rank, %d", rank,
                 BT_MAX_RANK);
}
