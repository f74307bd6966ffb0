/* SPDX-License-Identifier: Apache-2.0
   Products for AVX-512 (F, BW, VL, DQ). There is an instruction for bytes, but it saturates;
   integer products multiply pairs of 16-bit values instead. */
#include "kernels/vectors_avx512.h"

/* 28 sums, 2 weights and one element of `a` fill 31 of 32 registers. */
#define F32_MR 14
#define F32_VECS 2
#define F32_ROWS(ROW) ROW(1) ROW(2) ROW(4) ROW(6) ROW(8) ROW(10) ROW(12) ROW(14)
#include "kernels/tile_f32.inc"

#define DWF_VECS 4
#define DWF_PIXELS 4
#define SLIDE_VECS 2
#define SLIDE_PIXELS 8
#include "kernels/dw_f32.inc"

#define S8_KR 2
BT_INLINE vx s8_load(const int8_t* from) { return load_words(from); }
BT_INLINE vx s8_load_part(const int8_t* from, int n) { return load_words_part(from, n); }
BT_INLINE vx s8_weights(const int8_t* w, int j) { return load_words(w + j * 2 * LANES); }
BT_INLINE vi s8_add(vi sum, vx x, vx weight) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(x, weight));
}
#include "kernels/tile_s8_avx512.inc"

#define DW_KR 2
#define DW_PIXELS 4
enum { DW_NR = DW_KR * LANES };
BT_INLINE void dw_s8_store(int8_t* c, ptrdiff_t stride, const vi* y, int n, const requant* q,
                           const int share) {
  (void)stride, (void)share;
  const vi words = pack_words(y[0], y[1], q);
  const __m256i bytes =
      _mm256_max_epi8(_mm512_cvtsepi16_epi8(words), _mm512_castsi512_si256(q->least));
  if (n < DW_NR)
    _mm256_mask_storeu_epi8(c, ~(__mmask32)0 >> (32 - n), bytes);
  else
    _mm256_storeu_si256((__m256i*)(void*)c, bytes);
}
BT_INLINE void dw_s16_store(int32_t* sums, const vi* sum) {
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
  const __m512i high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
  vi_store(sums, _mm512_permutex2var_epi64(sum[0], low, sum[1]));
  vi_store(sums + LANES, _mm512_permutex2var_epi64(sum[0], high, sum[1]));
}
#include "kernels/dw_words.inc"
#include "kernels/peak.inc"

void bt_install_products_avx512(bt_kernels* k) {
  k->f32_mr = F32_MR;
  k->f32_nr = F32_VECS * LANES;
  k->tile_f32 = tile_f32;
  k->s8_mr = S8_MR;
  k->s8_nr = S8_VECS * LANES;
  k->s8_kr = S8_KR;
  k->s8_bias = 0;
  k->tile_s8 = tile_s8;
  k->prepare_s8 = prepare_s8;
  k->s8_bytes = 2;
  k->peak_f32 = peak_f32;
  k->s8_peak = 2;
  k->dw_nr = DWF_VECS * LANES;
  k->dw_f32 = dw_f32;
  k->dw_s8_nr = DW_NR;
  k->dw_s8_kr = DW_KR;
  k->dw_s8_bias = 0;
  k->dw_s8 = dw_s8_kernel;
  k->dw_s16_nr = DW_NR;
  k->dw_s16_kr = DW_KR;
  k->dw_s16 = dw_s16_kernel;
}
