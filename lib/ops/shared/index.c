/* SPDX-License-Identifier: Apache-2.0
   Indices and lengths that come in tensors. */
#include "ops/shared/index.h"

#include <inttypes.h>

static bt_status out_of_range(bt_call* c, int i, int64_t k, int64_t v, int64_t length) {
  return bt_fail(c, BT_BAD_INPUT,
                 "element %" PRId64 " of input %d is %" PRId64 "; an index of an axis of length "
                 "%" PRId64 " is needed", k, i, v, length);
}

bt_status bt_check_indices(bt_call* c, int i, int64_t length) {
  const bt_tensor* t = c->in[i];
  const int64_t n = bt_count(t);
  for (int64_t k = 0; k < n; ++k) {
    const int64_t v = bt_get_int(t, k);
    if (v < -length || v >= length) return out_of_range(c, i, k, v, length);
  }
  return BT_OK;
}

bt_status bt_need_inside(bt_call* c, int i, int axis) {
  const bt_tensor *x = c->in[0], *t = c->in[i];
  BT_TRY(bt_need_rank(c, i, x->rank));
  for (int d = 0; d < t->rank; ++d)
    if (d != axis && bt_known(x->dims[d]) && t->dims[d] > x->dims[d]) {
      char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT,
                     "input %d has shape %s, input 0 %s; it may be longer along axis %d only", i,
                     bt_shape_text(t, p), bt_shape_text(x, q), axis);
    }
  return BT_OK;
}

bt_status bt_need_tuple(bt_call* c, int i, int most) {
  const bt_tensor* t = c->in[i];
  const int64_t n = t->dims[t->rank - 1];
  if (n <= most) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "tuples of %" PRId64 " indices for %d axes", n, most);
}

bt_status bt_tuples_read(bt_call* c, int i, const bt_tensor* t, int first, bt_tuples* tuples) {
  const bt_tensor* list = c->in[i];
  int64_t strides[BT_MAX_RANK];
  bt_strides(t, strides);
  tuples->data = list->data;
  tuples->size = (int)list->dims[list->rank - 1];
  for (int d = 0; d < tuples->size; ++d) {
    tuples->dims[d] = t->dims[first + d];
    tuples->strides[d] = strides[first + d];
  }
  const int64_t n = bt_count(list);
  for (int64_t k = 0; k < n; ++k) {
    const int64_t v = tuples->data[k], length = tuples->dims[k % tuples->size];
    if (v < -length || v >= length) return out_of_range(c, i, k, v, length);
  }
  return BT_OK;
}

int bt_number_at(const bt_call* c, int i, int64_t k, int64_t* v) {
  if (!bt_has_partial(c, i)) return 0;
  *v = bt_value_at(c, i, k);
  return !bt_is_symbol(*v);
}

bt_sides bt_sides_of(const bt_tensor* t, int axis) {
  return (bt_sides){.outer = bt_extent(t, 0, axis), .length = t->dims[axis],
                    .inner = bt_extent(t, axis + 1, t->rank)};
}

bt_status bt_read_axes(bt_call* c, int i, int rank, int axes[BT_MAX_RANK], int* n) {
  if (!bt_given(c, i)) {
    *n = rank;
    for (int d = 0; d < rank; ++d) axes[d] = d;
    return BT_OK;
  }
  BT_TRY(bt_need_type(c, i, BT_TYPES_INDEX));
  BT_TRY(bt_need_vector(c, i, -1, "axes"));
  *n = -1;
  if (!bt_has_values(c, i)) return BT_OK;
  const int64_t count = bt_count(c->in[i]);
  int marked[BT_MAX_RANK] = {0};
  for (int64_t k = 0; k < count; ++k) {
    int axis = 0;
    BT_TRY(bt_need_axis(c, bt_get_int(c->in[i], k), rank, "axes", &axis));
    if (marked[axis]) return bt_fail(c, BT_BAD_INPUT, "axes names axis %d twice", axis);
    marked[axis] = 1;
    axes[k] = axis;
  }
  *n = (int)count;
  return BT_OK;
}
