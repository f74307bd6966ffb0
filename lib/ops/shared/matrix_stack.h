/* SPDX-License-Identifier: Apache-2.0
   Stacks of matrices: the two last axes are a matrix, the leading ones broadcast as in numpy's
   matmul. A vector on the left is a row, one on the right a column. */
#ifndef BANTAM_OPS_SHARED_MATRIX_STACK_H_
#define BANTAM_OPS_SHARED_MATRIX_STACK_H_
#include "runtime/op.h"

/* Rows and columns of one matrix, and the number that both must have; -1 where unknown. */
int64_t bt_matrix_rows(const bt_tensor* a);
int64_t bt_matrix_cols(const bt_tensor* b);
int64_t bt_matrix_depth(const bt_tensor* b);
/* Output 0 = input 0 times input 1. */
bt_status bt_stack_infer(bt_call* c, bt_dtype type);

/* Which matrices meet. Where the right one stays the same while the left ones follow each other, they
   are one matrix with more rows. */
typedef struct bt_stack {
  int rank; /* of the stack that is left */
  int64_t dims[BT_MAX_RANK], a_step[BT_MAX_RANK], b_step[BT_MAX_RANK]; /* in elements */
  int64_t items; /* pairs of matrices in it */
  int64_t rows, cols, depth;
} bt_stack;
void bt_stack_begin(const bt_call* c, bt_stack* s);
/* Offsets of the operands of one item, in elements; its result lies at item * rows * cols. */
void bt_stack_locate(const bt_stack* s, int64_t item, int64_t* a, int64_t* b);

#endif
