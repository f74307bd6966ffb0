/* SPDX-License-Identifier: Apache-2.0
   Shape arithmetic. checks.c and elements.c have the rest of shape.h. */
#include "runtime/shape.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int bt_has_shape(const bt_tensor* t) {
  if (t->rank < 0) return 0;
  for (int i = 0; i < t->rank; ++i)
    if (t->dims[i] < 0) return 0;
  return 1;
}

int64_t bt_dim_mul(int64_t a, int64_t b) {
  if (a == 1) return b;
  if (b == 1) return a;
  if (a < 0 || b < 0) return a == 0 || b == 0 ? 0 : -1;
  return a != 0 && b > INT64_MAX / a ? INT64_MAX : a * b;
}

int64_t bt_dim_add(int64_t a, int64_t b) {
  if (a < 0) return b == 0 ? a : -1;
  return b > INT64_MAX - a ? INT64_MAX : a + b;
}

int64_t bt_extent(const bt_tensor* t, int from, int to) {
  int64_t n = 1;
  int unknown = 0;
  for (int i = from; i < to; ++i) {
    if (t->dims[i] == 0) return 0;
    if (t->dims[i] < 0) unknown = 1;
    else n = bt_dim_mul(n, t->dims[i]);
  }
  return unknown ? -1 : n;
}

void bt_set_shape(bt_tensor* t, bt_dtype dtype, int rank, const int64_t* dims) {
  t->dtype = dtype;
  t->rank = rank;
  for (int i = 0; i < rank; ++i) t->dims[i] = dims[i];
}
void bt_set_like(bt_tensor* t, const bt_tensor* other) {
  bt_set_shape(t, other->dtype, other->rank, other->dims);
}
void bt_set_vector(bt_tensor* t, bt_dtype dtype, int64_t n) { bt_set_shape(t, dtype, 1, &n); }
void bt_set_scalar(bt_tensor* t, bt_dtype dtype) { bt_set_shape(t, dtype, 0, NULL); }
void bt_set_unranked(bt_tensor* t, bt_dtype dtype) { bt_set_shape(t, dtype, -1, NULL); }

/* ---- values ---- */

int bt_has_values(const bt_call* c, int i) {
  if (!bt_given(c, i) || !bt_has_shape(c->in[i])) return 0;
  return c->in[i]->data != NULL || bt_count(c->in[i]) == 0;
}

int bt_has_partial(const bt_call* c, int i) {
  return bt_has_values(c, i) || (bt_given(c, i) && bt_has_shape(c->in[i]) && c->in[i]->partial);
}

int64_t bt_value_at(const bt_call* c, int i, int64_t k) {
  const bt_tensor* t = c->in[i];
  return t->data ? bt_get_int(t, k) : t->partial[k];
}

bt_status bt_value_dim(bt_call* c, int i, int64_t k, const char* what, int64_t* dim) {
  const int64_t v = bt_value_at(c, i, k);
  if (bt_is_symbol(v)) {
    *dim = bt_symbol_dim(v);
    return BT_OK;
  }
  if (v < 0) return bt_fail(c, BT_BAD_INPUT, "%s has a negative length, %" PRId64, what, v);
  *dim = v;
  return BT_OK;
}

/* ---- broadcasting ---- */

bt_status bt_broadcast(bt_call* c, const bt_tensor* a, const bt_tensor* b, bt_tensor* out) {
  const int rank = a->rank > b->rank ? a->rank : b->rank;
  int64_t dims[BT_MAX_RANK];
  for (int i = 1; i <= rank; ++i) {
    const int64_t x = i <= a->rank ? a->dims[a->rank - i] : 1;
    const int64_t y = i <= b->rank ? b->dims[b->rank - i] : 1;
    if (bt_clash(x, y) && x != 1 && y != 1) {
      char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT, "shapes %s and %s do not broadcast", bt_shape_text(a, p),
                     bt_shape_text(b, q));
    }
    /* an unknown length beside a known one above 1 must be that one (or 1): it is that one */
    dims[rank - i] = x == y ? x : x == 1 ? y : y == 1 ? x : x >= 0 ? x : y >= 0 ? y : -1;
  }
  bt_set_shape(out, out->dtype, rank, dims);
  return BT_OK;
}

bt_status bt_infer_broadcast(bt_call* c, int first, int count, bt_dtype dtype) {
  bt_tensor* out = c->out[0];
  for (int i = first; i < first + count; ++i)
    if (bt_given(c, i) && !bt_has_rank(c->in[i])) {
      bt_set_unranked(out, dtype);
      return BT_OK;
    }
  bt_set_scalar(out, dtype);
  for (int i = first; i < first + count; ++i)
    if (bt_given(c, i)) {
      const bt_tensor so_far = *out;
      BT_TRY(bt_broadcast(c, &so_far, c->in[i], out));
    }
  return BT_OK;
}

const char* bt_shape_text(const bt_tensor* t, char text[BT_SHAPE_TEXT]) {
  if (t->rank < 0) return "of unknown rank";
  size_t used = 0;
  text[used++] = '[';
  for (int i = 0; i < t->rank && used + 24 < BT_SHAPE_TEXT; ++i) {
    if (i) text[used++] = ',';
    used += (size_t)(t->dims[i] < 0 ? snprintf(text + used, BT_SHAPE_TEXT - used, "?")
                                    : snprintf(text + used, BT_SHAPE_TEXT - used, "%" PRId64,
                                               t->dims[i]));
  }
  text[used++] = ']';
  text[used] = 0;
  return text;
}

/* ---- walking ---- */

void bt_strides(const bt_tensor* t, int64_t strides[BT_MAX_RANK]) {
  int64_t step = 1;
  for (int i = t->rank - 1; i >= 0; --i) {
    strides[i] = step;
    step *= t->dims[i];
  }
}

void bt_broadcast_strides(const bt_tensor* t, const bt_tensor* out, int64_t strides[BT_MAX_RANK]) {
  int64_t own[BT_MAX_RANK];
  bt_strides(t, own);
  const int shift = out->rank - t->rank;
  for (int i = 0; i < out->rank; ++i)
    strides[i] = i < shift || t->dims[i - shift] == 1 ? 0 : own[i - shift];
}

void bt_walk_begin(bt_walk* w, int rank, const int64_t* dims, int n,
                   int64_t strides[][BT_MAX_RANK]) {
  memset(w, 0, sizeof *w);
  w->n = n;
  int used = 0; /* dimensions kept so far, outermost first; the last one becomes the inner loop */
  for (int d = 0; d < rank; ++d) {
    if (dims[d] == 1) continue;
    int joins = used > 0;
    for (int k = 0; k < n && joins; ++k)
      joins = w->stride[k][used - 1] == strides[k][d] * dims[d];
    if (joins) {
      w->dims[used - 1] *= dims[d];
      for (int k = 0; k < n; ++k) w->stride[k][used - 1] = strides[k][d];
    } else {
      w->dims[used] = dims[d];
      for (int k = 0; k < n; ++k) w->stride[k][used] = strides[k][d];
      ++used;
    }
  }
  w->inner = 1;
  if (used > 0) {
    --used;
    w->inner = w->dims[used];
    for (int k = 0; k < n; ++k) w->inner_stride[k] = w->stride[k][used];
  }
  w->rank = used;
  w->rows = 1;
  for (int d = 0; d < used; ++d) w->rows *= w->dims[d];
  if (w->inner == 0) w->rows = 0;
}

void bt_walk_seek(bt_walk* w, int64_t row) {
  for (int k = 0; k < w->n; ++k) w->offset[k] = 0;
  for (int d = w->rank - 1; d >= 0; --d) {
    w->index[d] = row % w->dims[d];
    row /= w->dims[d];
    for (int k = 0; k < w->n; ++k) w->offset[k] += w->index[d] * w->stride[k][d];
  }
}

int bt_walk_next(bt_walk* w) {
  for (int d = w->rank - 1; d >= 0; --d) {
    if (++w->index[d] < w->dims[d]) {
      for (int k = 0; k < w->n; ++k) w->offset[k] += w->stride[k][d];
      return 1;
    }
    for (int k = 0; k < w->n; ++k) w->offset[k] -= (w->dims[d] - 1) * w->stride[k][d];
    w->index[d] = 0;
  }
  return 0;
}
