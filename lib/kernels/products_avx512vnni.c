/* SPDX-License-Identifier: Apache-2.0
   Integer products for AVX-512 with VNNI. */
#include "kernels/vectors_avx512.h"

/* The instruction multiplies unsigned bytes by signed ones: 128 is added to every byte of `a`, and
   the packer takes it out of the starting sums again. */
enum { BIAS = 128 };
BT_INLINE vx add_bias(vx bytes) { return _mm512_xor_si512(_mm512_set1_epi8((char)BIAS), bytes); }

/* gcc 12 copies the sum before and after the intrinsic, which halves the speed. */
BT_INLINE vi s8_add(vi sum, vx x, vx weight) {
#if defined(__clang__) || defined(BT_SIMULATED)
  return _mm512_dpbusd_epi32(sum, x, weight);
#else
  __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(x), "v"(weight));
  return sum;
#endif
}

#define S8_KR 4
BT_INLINE vx s8_load(const int8_t* from) { return add_bias(load_bytes(from)); }
BT_INLINE vx s8_load_part(const int8_t* from, int n) { return add_bias(load_bytes_part(from, n)); }
BT_INLINE vx s8_weights(const int8_t* w, int j) { return vi_load(w + j * 4 * LANES); }
#include "kernels/tile_s8_avx512.inc"

#define DW_KR 4
#define DW_PIXELS 4
#define DW_COLUMNS 4
#define DW_SHARE 4
enum { DW_NR = DW_KR * LANES };
/* Masks in place of tails; a narrow block of several pixels fills the lanes of one vector. */
BT_INLINE vx dw_s8_load(const int8_t* const* a, ptrdiff_t step, ptrdiff_t channel, int n,
                        const int share) {
  const int8_t* p = a[0] + channel;
  if (share == 1) return add_bias(n < DW_NR ? load_bytes_part(p, n) : load_bytes(p));
  if (share == 2) {
    const __mmask32 first = ~(__mmask32)0 >> (32 - n);
    const __m256i low = _mm256_maskz_loadu_epi8(first, p);
    const __m256i high = _mm256_maskz_loadu_epi8(first, a[step] + channel);
    return add_bias(_mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1));
  }
  const __mmask16 first = (__mmask16)((1u << n) - 1);
  vx x = _mm512_castsi128_si512(_mm_maskz_loadu_epi8(first, p));
  x = _mm512_inserti32x4(x, _mm_maskz_loadu_epi8(first, a[step] + channel), 1);
  x = _mm512_inserti32x4(x, _mm_maskz_loadu_epi8(first, a[2 * step] + channel), 2);
  return add_bias(_mm512_inserti32x4(x, _mm_maskz_loadu_epi8(first, a[3 * step] + channel), 3));
}

BT_INLINE vx dw_weights(const int8_t* w, int j, const int share) {
  const int8_t* from = w + j * 4 * LANES;
  if (share == 1) return vi_load(from);
  if (share == 2)
    return _mm512_broadcast_i64x4(_mm256_loadu_si256((const __m256i*)(const void*)from));
  return _mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i*)(const void*)from));
}
BT_INLINE vi dw_start(const int8_t* w, int j, const int share) { return dw_weights(w, j, share); }
BT_INLINE vi dw_add(vi sum, vx x, vx weight) { return s8_add(sum, x, weight); }

BT_INLINE void dw_s8_store(int8_t* c, ptrdiff_t stride, const vi* y, int n, const requant* q,
                           const int share) {
  const vi bytes = pack_bytes(pack_words(y[0], y[1], q), pack_words(y[2], y[3], q), q);
  if (share == 1 && n == DW_NR) {
    _mm512_storeu_si512(c, bytes);
  } else if (share == 1) {
    store_bytes_part(c, bytes, n);
  } else if (share == 2) {
    const __mmask32 first = ~(__mmask32)0 >> (32 - n);
    _mm256_mask_storeu_epi8(c, first, _mm512_castsi512_si256(bytes));
    _mm256_mask_storeu_epi8(c + stride, first, _mm512_extracti64x4_epi64(bytes, 1));
  } else {
    const __mmask16 first = (__mmask16)((1u << n) - 1);
    _mm_mask_storeu_epi8(c, first, _mm512_castsi512_si128(bytes));
    _mm_mask_storeu_epi8(c + stride, first, _mm512_extracti32x4_epi32(bytes, 1));
    _mm_mask_storeu_epi8(c + 2 * stride, first, _mm512_extracti32x4_epi32(bytes, 2));
    _mm_mask_storeu_epi8(c + 3 * stride, first, _mm512_extracti32x4_epi32(bytes, 3));
  }
}
#define DW_WIDE 0
#include "kernels/dw_ints.inc"

void bt_install_products_avx512vnni(bt_kernels* k) {
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
