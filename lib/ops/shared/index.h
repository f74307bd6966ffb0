/* SPDX-License-Identifier: Apache-2.0
   Indices and lengths that come in tensors. They may hold anything: every one is checked before it
   reaches memory. */
#ifndef BANTAM_OPS_SHARED_INDEX_H_
#define BANTAM_OPS_SHARED_INDEX_H_
#include "runtime/shape.h"

/* All elements of input i lie in [-length, length); fails naming the first one that does not. */
bt_status bt_check_indices(bt_call* c, int i, int64_t length);
/* The same in infer, as far as the indices and the length (negative: open) are known. */
static inline bt_status bt_check_known_indices(bt_call* c, int i, int64_t length) {
  const int known = c->in[i]->data && bt_has_shape(c->in[i]) && bt_known(length);
  return known ? bt_check_indices(c, i, length) : BT_OK;
}
/* Element k of checked indices (i32 or i64), counted from the front. */
static inline int64_t bt_index_at(const bt_tensor* t, int64_t k, int64_t length) {
  const int64_t v =
      t->dtype == BT_I64 ? ((const int64_t*)t->data)[k] : ((const int32_t*)t->data)[k];
  return v < 0 ? v + length : v;
}

/* Element k of input i is a number that is known now; it goes to *v. */
int bt_number_at(const bt_call* c, int i, int64_t k, int64_t* v);

/* A tensor seen from one axis: its length, and the number of elements of the dimensions before and
   behind. */
typedef struct bt_sides {
  int64_t outer, length, inner;
} bt_sides;
bt_sides bt_sides_of(const bt_tensor* t, int axis);

/* Axes in input i (a vector of i32 or i64) for a tensor of rank `rank`; duplicates are refused. *n
   becomes -1 where they are not known yet. Where the input is not given, all axes are meant. */
bt_status bt_read_axes(bt_call* c, int i, int rank, int axes[BT_MAX_RANK], int* n);

/* Inputs i and 0 have one rank, and input i is nowhere longer than input 0 but along `axis`. */
bt_status bt_need_inside(bt_call* c, int i, int axis);

/* Tuples along the last axis of input i (i64), each a place on the axes of `t` from `first` on. */
typedef struct bt_tuples {
  const int64_t* data;
  int size;
  int64_t dims[BT_MAX_RANK], strides[BT_MAX_RANK];
} bt_tuples;
/* The last axis of input i, if known, is no longer than `most`. */
bt_status bt_need_tuple(bt_call* c, int i, int most);
/* For run: fails where a tuple does not name a place. */
bt_status bt_tuples_read(bt_call* c, int i, const bt_tensor* t, int first, bt_tuples* tuples);
/* What tuple k adds to the offset in `t`, in elements. */
static inline int64_t bt_tuple_at(const bt_tuples* p, int64_t k) {
  int64_t offset = 0;
  for (int d = 0; d < p->size; ++d) {
    const int64_t v = p->data[k * p->size + d];
    offset += (v < 0 ? v + p->dims[d] : v) * p->strides[d];
  }
  return offset;
}

#endif
