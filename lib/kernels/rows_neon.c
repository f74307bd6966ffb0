/* SPDX-License-Identifier: Apache-2.0
   Rows for 64-bit ARM. Every such CPU has NEON, and so the scalar table's loops are vector code
   there already; here is only what compilers do not find. */
#include <arm_neon.h>

#include "kernels/tables.h"

static void row_sqrt(const float* x, float* y, size_t n) {
  size_t i = 0;
  for (; i + 4 <= n; i += 4) vst1q_f32(y + i, vsqrtq_f32(vld1q_f32(x + i)));
  for (; i < n; ++i) y[i] = vget_lane_f32(vsqrt_f32(vdup_n_f32(x[i])), 0);
}

/* An index beyond the 64 entries of a look-up leaves the result of the one before. */
static void row_table_s8(const int8_t* x, int8_t* y, size_t n, const int8_t table[256]) {
  int8x16x4_t part[4];
  for (int k = 0; k < 4; ++k)
    for (int j = 0; j < 4; ++j) part[k].val[j] = vld1q_s8(table + 64 * k + 16 * j);
  const uint8x16_t middle = vdupq_n_u8(128), step = vdupq_n_u8(64);
  size_t i = 0;
  for (; i + 16 <= n; i += 16) {
    uint8x16_t index = vaddq_u8(vreinterpretq_u8_s8(vld1q_s8(x + i)), middle);
    int8x16_t found = vqtbl4q_s8(part[0], index);
    for (int k = 1; k < 4; ++k) {
      index = vsubq_u8(index, step);
      found = vqtbx4q_s8(found, part[k], index);
    }
    vst1q_s8(y + i, found);
  }
  for (; i < n; ++i) y[i] = table[x[i] + 128];
}

void bt_install_rows_neon(bt_kernels* k) {
  k->unary[BT_SQRT] = row_sqrt;
  k->table_s8 = row_table_s8;
}
