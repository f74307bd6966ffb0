/* SPDX-License-Identifier: Apache-2.0
   Matrix products of the types that have no kernels: f64, and integers of 32 and 64 bits. */
#ifndef BANTAM_OPS_SHARED_PLAIN_PRODUCT_H_
#define BANTAM_OPS_SHARED_PLAIN_PRODUCT_H_
#include "runtime/op.h"

#define BT_TYPES_PLAIN_PRODUCT \
  (BT_BIT(BT_F64) | BT_BIT(BT_I32) | BT_BIT(BT_U32) | BT_BIT(BT_I64) | BT_BIT(BT_U64))

/* y[i][j] += sum over k of a[i][k] * b[k][j], in increasing order of k: one chain of fused
   multiply-adds for f64; integers wrap around. Steps are in elements; the columns of y are
   neighbours. */
typedef struct bt_plain_product {
  bt_dtype type;
  int64_t rows, cols, depth;
  const void *a, *b;
  void* y;
  ptrdiff_t a_row, a_depth, b_depth, b_col, y_row;
} bt_plain_product;

void bt_plain_product_run(bt_call* c, const bt_plain_product* p);

/* y[i][j] = bias[j], or 0 where there is none: what a product starts from. */
void bt_plain_start(bt_dtype type, void* y, int64_t rows, int64_t cols, const void* bias);

#endif
