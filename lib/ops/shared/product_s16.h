/* SPDX-License-Identifier: Apache-2.0
   Products with 16-bit activations: the left operand, the result, or both have 16 bits; weights
   have
   8. Sums are finished in double (bt_finish). The kernels read a 16-bit left operand in one of two
   forms: as words, where they multiply words and the weights are small enough for sums of 32 bits;
   else as two planes of bytes. Zero points of 16-bit operands are 0. */
#ifndef BANTAM_OPS_SHARED_PRODUCT_S16_H_
#define BANTAM_OPS_SHARED_PRODUCT_S16_H_
#include "kernels/kernels.h"
#include "ops/shared/product.h"

/* The left operand or the result of the product has 16 bits. */
int bt_is_product_s16(const bt_call* c);
/* For prepare: store, zero, q_lo and q_hi of a product into output 0 with a clamp. Fails where the
   left operand has a zero point, or a factor is not finite. */
bt_status bt_finish_prepare(bt_call* c, float lo, float hi, bt_product* p);

/* The sums of one output's weights, and of their magnitudes. */
typedef struct bt_weight_sums {
  int64_t sum, magnitude;
} bt_weight_sums;
bt_weight_sums bt_sum_weights(const int8_t* w, int64_t n, ptrdiff_t step);
/* The planes in which rows of `depth` 16-bit values are read: 1, as words, or 2. `magnitude` is the
   largest of any output. */
int bt_planes_s16(const bt_kernels* k, int64_t depth, int64_t magnitude);
/* What the sums of output o start from: its bias, and what the low bytes of two planes lack. */
double bt_start_s16(const bt_tensor* bias, int64_t o, int planes, int64_t sum);

/* Two planes of n bytes of 16-bit values: the low bytes at `planes`, the high ones at
   planes + bt_plane_bytes(n). */
size_t bt_plane_bytes(int64_t n);
void bt_split_planes(bt_call* c, const void* x, int64_t n, void* planes);

#endif
