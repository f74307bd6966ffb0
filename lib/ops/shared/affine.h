/* SPDX-License-Identifier: Apache-2.0
   (x - mean) * factor + bias, the last step of normalisation by channels. */
#ifndef BANTAM_OPS_SHARED_AFFINE_H_
#define BANTAM_OPS_SHARED_AFFINE_H_
#include "kernels/kernels.h"
#include "runtime/op.h"

typedef struct bt_affine {
  const float *mean, *factor, *bias;
} bt_affine;

#define BT_AFFINE_BLOCK 1024 /* stays in the first-level cache between the three steps */

/* `one` is BT_B_ONE for a row of one channel, BT_BOTH where every element has its own. */
static inline void bt_affine_row(const bt_kernels* k, const bt_affine* a, const float* x, float* y,
                                 int64_t n, bt_operand one) {
  for (int64_t at = 0; at < n; at += BT_AFFINE_BLOCK) {
    const size_t count = n - at < BT_AFFINE_BLOCK ? (size_t)(n - at) : BT_AFFINE_BLOCK;
    const int64_t own = one == BT_BOTH ? at : 0;
    k->binary[BT_SUB](x + at, a->mean + own, y + at, count, one);
    k->binary[BT_MUL](y + at, a->factor + own, y + at, count, one);
    k->binary[BT_ADD](y + at, a->bias + own, y + at, count, one);
  }
}

#endif
