/* SPDX-License-Identifier: Apache-2.0
   Driver of the product kernels: runs a matrix of `rows` by `cols` outputs tile by tile, with the
   weights packed in panels and the left rows given by pointers. Convolution, Gemm, MatMul and the
   recurrent cells all end here. */
#ifndef BANTAM_OPS_SHARED_PRODUCT_H_
#define BANTAM_OPS_SHARED_PRODUCT_H_
#include "kernels/kernels.h"
#include "runtime/op.h"

/* What operators on top of the kernels take: f32 (with f16 and bf16), and quantized i8. */
#define BT_TYPES_PRODUCT (BT_BIT(BT_F32) | BT_TYPES_HALF | BT_BIT(BT_I8))

typedef struct bt_product bt_product;

/* Points a[tap * mr + r] at the operand of row first + r for r < count, and repeats a valid row up to
   mr. `room` has room_bytes for operands that must be gathered first. */
typedef void (*bt_rows_fn)(const bt_product* p, int64_t first, int count, int mr, void* room,
                           const void** a);

struct bt_product {
  int s8; /* 0: f32 */
  int64_t rows;
  int cols, depth, taps;
  const void* panels;
  size_t panel_bytes;
  void* c;
  ptrdiff_t c_stride; /* elements of the stored type */
  float lo, hi;       /* f32 */
  bt_store store;     /* s8 */
  const float* scale; /* s8: one factor per column, padded to whole panels */
  int32_t zero, q_lo, q_hi;
  const double* start;    /* BT_FINISH_...: one per column, or NULL */
  const bt_product* high; /* of a 16-bit operand in two planes this one reads the low bytes; its
                             a and self are those of the high bytes. NULL: one plane */
  bt_rows_fn fill; /* bt_dense_rows, or the caller's */
  const void* a;
  ptrdiff_t a_stride; /* elements from row to row, for bt_dense_rows */
  const void* self;   /* for the caller's fill */
  size_t row_bytes;   /* of operands that a row does not share with its neighbours; 0: all of them */
  size_t room_bytes;  /* for one tile */
  int ready;          /* s8: `fill` points to rows as the table's prepare_s8 makes them */
  int wide;           /* s8: these are 16-bit values */
};

/* Rows at equal distances: row i is a + i * a_stride. */
void bt_dense_rows(const bt_product* p, int64_t first, int count, int mr, void* room,
                   const void** a);

/* Scratch for one thread; a product run by bt_product_run needs bt_threads times that. */
size_t bt_product_scratch(const bt_kernels* k, const bt_product* p);
/* Runs all rows and columns, on all threads. */
void bt_product_run(bt_call* c, const bt_product* p, void* scratch);
/* The same in the calling thread alone, for callers that are already parallel. */
void bt_product_part(const bt_kernels* k, const bt_product* p, int64_t row_begin, int64_t row_end,
                     int panel_begin, int panel_end, void* scratch);

/* Number of panels for `cols` columns. */
int bt_product_panels(const bt_kernels* k, const bt_product* p);

#endif
