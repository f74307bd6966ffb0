/* SPDX-License-Identifier: Apache-2.0
   Products with 16-bit activations: the left operand, the result, or both have 16 bits; weights have
   8. A 16-bit left operand is split into two planes of bytes, for which the kernels of the 8-bit
   products make two int32 sums; the finish joins them (kernels.h). Zero points of 16-bit operands
   are 0. */
#ifndef BANTAM_OPS_SHARED_PRODUCT_S16_H_
#define BANTAM_OPS_SHARED_PRODUCT_S16_H_
#include "ops/shared/product.h"

typedef struct bt_product_s16 {
  bt_product low, high; /* s8, store BT_STORE_S32; c is not read, high only where `split` */
  int split;
  bt_finish finish; /* of the first row */
  ptrdiff_t y_stride;
} bt_product_s16;

/* The left operand or the result of the product has 16 bits. */
int bt_is_product_s16(const bt_call* c);
/* For prepare: finish.store, zero, lo and hi for output 0 and a clamp. Fails where the left operand
   has a zero point, or a factor is not finite. */
bt_status bt_finish_prepare(bt_call* c, float lo, float hi, bt_finish* f);
/* What the sums of output o start from behind a split operand: its bias, and what the low bytes
   lack. `weights` is the sum of the weights of o. */
double bt_split_start(const bt_tensor* bias, int64_t o, int64_t weights);

/* Two planes of n bytes of input 0's values at `x`: the low bytes at `planes`, the high ones at
   planes + bt_plane_bytes(n). */
size_t bt_plane_bytes(int64_t n);
void bt_split_planes(bt_call* c, const void* x, int64_t n, void* planes);

/* Scratch for one thread, and the run on all threads. */
size_t bt_product_s16_scratch(const bt_kernels* k, const bt_product_s16* p);
void bt_product_s16_run(bt_call* c, const bt_product_s16* p, void* scratch);

#endif
