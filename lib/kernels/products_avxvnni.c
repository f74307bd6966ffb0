/* SPDX-License-Identifier: Apache-2.0
   Integer products for CPUs with VNNI but without AVX-512. */
#include "kernels/vectors_avx2.h"

/* The instruction multiplies unsigned bytes by signed ones: 128 is added to every byte of `a`, and
   the packer takes it out of the starting sums again. */
enum { BIAS = 128 };
BT_INLINE vx add_bias(vx bytes) { return _mm256_xor_si256(_mm256_set1_epi8((char)BIAS), bytes); }

/* gcc 12 copies the sum before and after the intrinsic, which halves the speed. */
BT_INLINE vi s8_add(vi sum, vx x, vx weight) {
#if defined(__clang__) || defined(BT_SIMULATED)
  return _mm256_dpbusd_avx_epi32(sum, x, weight);
#else
  __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(x), "x"(weight));
  return sum;
#endif
}

/* 12 sums, 2 weights and one group of `a` fill 15 of 16 registers. */
#define S8_MR 6
#define S8_KR 4
#define S8_VECS 2
#define S8_ROWS(ROW) ROW(1) ROW(2) ROW(4) ROW(6)
#define S8_CASES(height) \
  case 0: tile_s8_sized(t, height, 1); return;
BT_INLINE vx s8_load(const int8_t* from) { return add_bias(load_bytes(from)); }
BT_INLINE vx s8_load_part(const int8_t* from, int n) { return add_bias(load_bytes_part(from, n)); }
BT_INLINE vx s8_weights(const int8_t* w, int j) { return vi_load(w + j * 4 * LANES); }
#include "kernels/tile_s8_rows.inc"

#define DW_KR 4
#define DW_PIXELS 1
#define DW_COLUMNS 2
#define DW_SHARE 1
enum { DW_NR = DW_KR * LANES };
BT_INLINE vx dw_s8_load(const int8_t* const* a, ptrdiff_t step, ptrdiff_t channel, int n,
                        const int share) {
  (void)step, (void)share;
  const int8_t* p = a[0] + channel;
  return add_bias(n < DW_NR ? load_bytes_part(p, n) : load_bytes(p));
}
BT_INLINE vx dw_weights(const int8_t* w, int j, const int share) {
  (void)share;
  return s8_weights(w, j);
}
BT_INLINE vi dw_start(const int8_t* w, int j, const int share) {
  (void)share;
  return vi_load(w + j * 4 * LANES);
}
BT_INLINE vi dw_add(vi sum, vx x, vx weight) { return s8_add(sum, x, weight); }
BT_INLINE void dw_s8_store(int8_t* c, ptrdiff_t stride, const vi* y, int n, const requant* q,
                           const int share) {
  (void)stride, (void)share;
  const vi packed = _mm256_packs_epi16(pack_words(y[0], y[1], q), pack_words(y[2], y[3], q));
  store_16(c, _mm_max_epi8(_mm256_castsi256_si128(packed), q->least), n < 16 ? n : 16);
  if (n > 16) store_16(c + 16, _mm_max_epi8(_mm256_extracti128_si256(packed, 1), q->least), n - 16);
}
#define DW_WIDE 0
#include "kernels/dw_ints.inc"

void bt_install_products_avxvnni(bt_kernels* k) {
  k->s8_mr = S8_MR;
  k->s8_nr = S8_VECS * LANES;
  k->s8_kr = S8_KR;
  k->s8_bias = BIAS;
  k->tile_s8 = tile_s8;
  k->prepare_s8 = prepare_s8;
  k->s8_bytes = 1;
  k->s8_peak = 4;
  k->dw_s8_nr = DW_NR;
  k->dw_s8_kr = DW_KR;
  k->dw_s8_bias = BIAS;
  k->dw_s8 = dw_s8_kernel;
}
