/* SPDX-License-Identifier: Apache-2.0
   Integer products for aarch64 with the dot product extension. */
#include "kernels/vectors_neon.h"

/* 16 sums, 8 vectors of `a` (four groups of 4 bytes each) and 2 of weights. */
#define S8_MR 8
#define S8_VECS 2
#define S8_ROWS(ROW) ROW(1) ROW(2) ROW(4) ROW(6) ROW(8)
#define S8_CASES(height)

/* The lane has to be a literal. */
#define S8_STEP(lane)                                                            \
  BT_EACH(j, vecs) {                                                             \
    const int8x16_t weight = vld1q_s8(w + ((lane)*S8_VECS + j) * LANES * 4);     \
    BT_EACH(r, rows) sum[r][j] = vdotq_laneq_s32(sum[r][j], weight, x[r], lane); \
  }

BT_INLINE void add_products(const bt_tile_s8* t, const int8_t* w, vi sum[][S8_VECS], const int rows,
                            const int vecs) {
  enum { GROUP = S8_VECS * LANES * 4 };
  const int8_t* const* a = t->a;
  for (int tap = 0; tap < t->taps; ++tap, a += S8_MR) {
    int k = 0;
    int8x16_t x[S8_MR];
    for (; k + 16 <= t->depth; k += 16, w += 4 * GROUP) {
      BT_EACH(r, rows) x[r] = vld1q_s8(a[r] + k);
      S8_STEP(0)
      S8_STEP(1)
      S8_STEP(2)
      S8_STEP(3)
    }
    for (; k < t->depth; k += 4, w += GROUP) {
      BT_EACH(r, rows)
        x[r] = vreinterpretq_s8_u32(vdupq_n_u32(bt_load_up_to_4(a[r] + k, t->depth - k)));
      S8_STEP(0)
    }
  }
}
#include "kernels/tile_s8.inc"

#define DW_KR 4
#define DW_PIXELS 2
#define DW_COLUMNS 4
#define DW_SHARE 1
enum { DW_NR = DW_KR * LANES };
BT_INLINE vx dw_s8_load(const int8_t* const* a, ptrdiff_t step, ptrdiff_t channel, int n,
                        const int share) {
  (void)step, (void)share;
  const int8_t* p = a[0] + channel;
  if (n == DW_NR) return vld1q_s8(p);
  return vcombine_s8(load_up_to_8(p, n), n > 8 ? load_up_to_8(p + 8, n - 8) : vdup_n_s8(0));
}
BT_INLINE vx dw_weights(const int8_t* w, int j, const int share) {
  (void)share;
  return vld1q_s8(w + j * 4 * LANES);
}
BT_INLINE vi dw_start(const int8_t* w, int j, const int share) {
  (void)share;
  return vi_load(w + j * 4 * LANES);
}
BT_INLINE vi dw_add(vi sum, vx x, vx weight) { return vdotq_s32(sum, x, weight); }
BT_INLINE void dw_s8_store(int8_t* c, ptrdiff_t stride, const vi* y, int n, const requant* q,
                           const int share) {
  (void)stride, (void)share;
  store_8(c, pack_bytes(y[0], y[1], q), n);
  store_8(c + 8, pack_bytes(y[2], y[3], q), n - 8);
}
#define DW_WIDE 0
#include "kernels/dw_ints.inc"

void bt_install_products_neondot(bt_kernels* k) {
  k->s8_mr = S8_MR;
  k->s8_nr = S8_VECS * LANES;
  k->s8_kr = 4;
  k->s8_bias = 0;
  k->tile_s8 = tile_s8;
  k->s8_peak = 4;
  k->dw_s8_nr = DW_NR;
  k->dw_s8_kr = DW_KR;
  k->dw_s8_bias = 0;
  k->dw_s8 = dw_s8_kernel;
}
