/* SPDX-License-Identifier: Apache-2.0
   Matrix products of the types that have no kernels. */
#include "ops/shared/plain_product.h"

#include <math.h>
#include <string.h>

#define ROWS(name, T, step)                                                          \
  static void name(const bt_plain_product* p, int64_t begin, int64_t end) {          \
    for (int64_t i = begin; i < end; ++i) {                                          \
      const T* a = (const T*)p->a + i * p->a_row;                                    \
      T* y = (T*)p->y + i * p->y_row;                                                \
      for (int64_t k = 0; k < p->depth; ++k) {                                       \
        const T x = a[k * p->a_depth];                                               \
        const T* w = (const T*)p->b + k * p->b_depth;                                \
        for (int64_t j = 0; j < p->cols; ++j) y[j] = step(x, w[j * p->b_col], y[j]); \
      }                                                                              \
    }                                                                                \
  }
#define ADD_PRODUCT(x, w, y) ((x) * (w) + (y))
ROWS(rows_f64, double, fma)
ROWS(rows_32, uint32_t, ADD_PRODUCT)
ROWS(rows_64, uint64_t, ADD_PRODUCT)

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_plain_product* p = arg;
  (void)thread;
  if (p->type == BT_F64) rows_f64(p, begin, end);
  else if (bt_dtype_size(p->type) == 4) rows_32(p, begin, end);
  else rows_64(p, begin, end);
}

void bt_plain_product_run(bt_call* c, const bt_plain_product* p) {
  bt_plain_product copy = *p;
  bt_parallel(c, p->rows, 1 + 20000 / (p->cols * p->depth + 1), part, &copy);
}

void bt_plain_start(bt_dtype type, void* y, int64_t rows, int64_t cols, const void* bias) {
  const size_t bytes = (size_t)cols * bt_dtype_size(type);
  if (!bytes) return;
  for (int64_t i = 0; i < rows; ++i) {
    unsigned char* row = (unsigned char*)y + (size_t)i * bytes;
    if (bias) memcpy(row, bias, bytes);
    else memset(row, 0, bytes);
  }
}
