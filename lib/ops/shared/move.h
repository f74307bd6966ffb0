/* SPDX-License-Identifier: Apache-2.0
   Moving elements: every operator that copies a box of one tensor into a box of another (Transpose,
   Slice, Concat, Expand, Pad ...) is one or a few calls of bt_move. */
#ifndef BANTAM_OPS_SHARED_MOVE_H_
#define BANTAM_OPS_SHARED_MOVE_H_
#include "runtime/op.h"

/* y[i] = x[i] for all i of a box of `dims`. `x` and `y` point at the elements of index 0; strides
   count elements, those of x may be 0 (repeat) or negative (go backwards). Elements have 1, 2, 4 or
   8 bytes. The boxes must not overlap. Runs on all threads. */
void bt_move(bt_call* c, int rank, const int64_t* dims, const void* x, const int64_t* x_strides,
             void* y, const int64_t* y_strides, size_t element);

/* y[i] = *value for the first n elements of y. */
void bt_fill(void* y, const void* value, int64_t n, size_t element);

/* Element k of a tensor's data. */
static inline unsigned char* bt_element(const bt_tensor* t, int64_t k) {
  return (unsigned char*)t->data + k * (int64_t)bt_dtype_size(t->dtype);
}

#endif
