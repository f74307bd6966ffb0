/* SPDX-License-Identifier: Apache-2.0
   Right operands of matrix products, packed into the panels of the product kernels: once at load
   where they are constant, else in every run. For f32, and i8 with one scale per column. Beside left
   operands of 16 bits they must be constant. */
#ifndef BANTAM_OPS_SHARED_RIGHT_OPERAND_H_
#define BANTAM_OPS_SHARED_RIGHT_OPERAND_H_
#include "kernels/kernels.h"
#include "ops/shared/product_s16.h"

/* One matrix of `depth` rows and `cols` columns; steps are in elements. */
typedef struct bt_right {
  int s8, depth, cols, panels;
  ptrdiff_t depth_step, col_step;
  int32_t x_zero;                    /* of the left operand, where quantized */
  int wide;                          /* the left operand has 16 bits */
  size_t panel_bytes;
  size_t matrix_bytes; /* packed: all panels, and where `wide` a start (bt_finish) per column */
} bt_right;

/* For input 1 of the call, f32 or i8; fails where a length is too large for the kernels, or where
   the scales of a quantized product are not what the kernels take (bt_need_product_q8; the columns
   run along `axis`). */
bt_status bt_right_begin(bt_call* c, int64_t depth, int64_t cols, ptrdiff_t depth_step,
                         ptrdiff_t col_step, int axis, bt_right* r);

/* Packs `matrices` of them, one behind the other, and keeps them in c->weights; input 1 is marked as
   loaded. `bias` (f32, or i32 beside i8) has an entry for each column; NULL: all 0. */
bt_status bt_right_load(bt_call* c, const bt_right* r, int64_t matrices, const void* bias);
/* Packs panels [begin, end) of one matrix at `w`; `room` has matrix_bytes. */
void bt_right_pack_part(const bt_kernels* k, const bt_right* r, const void* w, const void* bias,
                        int begin, int end, void* room);
/* All panels, on all threads. */
void bt_right_pack(bt_call* c, const bt_right* r, const void* w, const void* bias, void* room);

/* For prepare: a product with this operand, and dense rows, into output 0. Rows, a, c and panels
   are left to the caller. With 16 bits on the left or in the result `c->weights` must be there, and
   bt_right_run_s16 runs it. */
bt_status bt_right_product(bt_call* c, const bt_right* r, float lo, float hi, bt_product* p);

/* Scratch of such a product, whose rows are known, on all threads. */
size_t bt_right_scratch_s16(bt_call* c, const bt_product* p);
void bt_right_run_s16(bt_call* c, const bt_right* r, const bt_product* p, const void* matrix,
                      const void* a, void* y, void* scratch);

#endif
