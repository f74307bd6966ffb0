/* SPDX-License-Identifier: Apache-2.0
   The words in which the .inc files are written, for vectors of 8 lanes. */
#ifndef BANTAM_KERNELS_VECTORS_AVX2_H_
#define BANTAM_KERNELS_VECTORS_AVX2_H_
#include <immintrin.h>

#include "kernels/tail_bytes.h"

typedef __m256 vf;
typedef __m256i vi;
typedef vi vx; /* bytes or words of operands */
enum { LANES = 8 };

/* ---- floats ---- */

BT_INLINE vf vf_load(const float* p) { return _mm256_loadu_ps(p); }
BT_INLINE vf vf_splat(float x) { return _mm256_set1_ps(x); }
BT_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }

/* The first n lanes, zeros behind them. */
BT_INLINE vf vf_load_part(const float* p, int n) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
}

/* max and min return their second operand where one is NaN or both are zero: v passes. */
BT_INLINE vf vf_clamp(vf v, vf lo, vf hi) { return _mm256_min_ps(hi, _mm256_max_ps(lo, v)); }

BT_INLINE void vf_store(float* p, vf v) { _mm256_storeu_ps(p, v); }
/* The first n lanes; all where n is larger. A masked store costs tens of cycles on AMD. */
BT_INLINE void vf_store_part(float* p, vf v, int n) {
  if (n >= LANES) {
    vf_store(p, v);
    return;
  }
  __m128 part = _mm256_castps256_ps128(v);
  if (n & 4) {
    _mm_storeu_ps(p, part);
    part = _mm256_extractf128_ps(v, 1);
    p += 4;
  }
  if (n & 2) {
    _mm_storel_pi((__m64*)(void*)p, part);
    part = _mm_movehl_ps(part, part);
    p += 2;
  }
  if (n & 1) _mm_store_ss(p, part);
}

/* ---- 32-bit integers ---- */

BT_INLINE vi vi_load(const void* p) { return _mm256_loadu_si256((const __m256i*)p); }
BT_INLINE void vi_store(void* p, vi v) { _mm256_storeu_si256((__m256i*)p, v); }

/* The same sum, made now: gcc would add up a tree of products and run out of registers. */
BT_INLINE vi vi_keep(vi v) {
#if defined(__GNUC__)
  __asm__("" : "+x"(v));
#endif
  return v;
}

BT_INLINE vx vx_zero(void) { return _mm256_setzero_si256(); }
/* Four bytes, or two words, again and again. */
BT_INLINE vx vx_splat(uint32_t group) { return _mm256_set1_epi32((int)group); }

/* Interleave the lower, or upper, halves of every 128 bits. */
BT_INLINE vx zip_low_8(vx a, vx b) { return _mm256_unpacklo_epi8(a, b); }
BT_INLINE vx zip_high_8(vx a, vx b) { return _mm256_unpackhi_epi8(a, b); }
BT_INLINE vx zip_low_16(vx a, vx b) { return _mm256_unpacklo_epi16(a, b); }
BT_INLINE vx zip_high_16(vx a, vx b) { return _mm256_unpackhi_epi16(a, b); }

/* The first n bytes (0..16), zeros behind them. */
BT_INLINE __m128i load_up_to_16(const int8_t* p, int n) {
  const uint64_t low = bt_load_up_to_8(p, n), high = n > 8 ? bt_load_up_to_8(p + 8, n - 8) : 0;
  return _mm_set_epi64x((long long)high, (long long)low);
}

/* 4 * LANES bytes, and the first n of them with zeros behind. */
BT_INLINE vx load_bytes(const int8_t* p) { return vi_load(p); }
BT_INLINE vx load_bytes_part(const int8_t* p, int n) {
  const __m128i high = n > 16 ? load_up_to_16(p + 16, n - 16) : _mm_setzero_si128();
  return _mm256_set_m128i(high, load_up_to_16(p, n < 16 ? n : 16));
}

/* 2 * LANES bytes as 16-bit values, and the first n of them with zeros behind. */
BT_INLINE vx load_words(const int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i*)(const void*)p));
}
BT_INLINE vx load_words_part(const int8_t* p, int n) {
  return _mm256_cvtepi8_epi16(load_up_to_16(p, n));
}

/* Four floats from each of p and p + step. */
BT_INLINE vf vf_load_fours(const float* p, int step) {
  return _mm256_set_m128(_mm_loadu_ps(p + step), _mm_loadu_ps(p));
}

/* What turns sums into bytes. */
typedef struct requant {
  vf most;                /* hi - zero */
  vi zero;                /* 16-bit lanes */
  __m128i least, highest; /* lo and hi, 8-bit lanes */
} requant;

BT_INLINE requant requant_to(int32_t zero, int32_t lo, int32_t hi) {
  const requant q = {_mm256_set1_ps((float)(hi - zero)), _mm256_set1_epi16((short)zero),
                     _mm_set1_epi8((char)lo), _mm_set1_epi8((char)hi)};
  return q;
}

/* The first n bytes, n < 16. */
BT_INLINE void store_up_to_15(int8_t* c, __m128i bytes, int n) {
  if (n & 8) {
    _mm_storel_epi64((__m128i*)(void*)c, bytes);
    bytes = _mm_srli_si128(bytes, 8);
    c += 8;
  }
  if (n & 4) {
    const int32_t four = _mm_cvtsi128_si32(bytes);
    memcpy(c, &four, 4);
    bytes = _mm_srli_si128(bytes, 4);
    c += 4;
  }
  const int32_t rest = _mm_cvtsi128_si32(bytes);
  if (n & 2) memcpy(c, &rest, 2);
  if (n & 1) c[n & 2] = (int8_t)(n & 2 ? rest >> 16 : rest);
}

BT_INLINE vf scaled(vi sum, vf scale) { return _mm256_mul_ps(_mm256_cvtepi32_ps(sum), scale); }

/* A vector of sums as rounded output steps. The upper clamp comes before the conversion; what is
   far below becomes INT_MIN there and saturates later, on the way to 8 bits. */
BT_INLINE vi requantize(vi sum, vf scale, const requant* q) {
  return _mm256_cvtps_epi32(_mm256_min_ps(scaled(sum, scale), q->most));
}

/* Whether store_s8 takes these factors. Those below 1 leave every sum inside of 32 bits, and the
   upper clamp can wait for the bytes. */
BT_INLINE int can_store_s8(const vf* scale, const int vecs) {
  const vf no_sign = _mm256_castsi256_ps(_mm256_set1_epi32(0x7fffffff));
  int below = 0xff;
  BT_EACH(j, vecs) {
    const vf size = _mm256_and_ps(scale[j], no_sign);
    below &= _mm256_movemask_ps(_mm256_cmp_ps(size, _mm256_set1_ps(1.0f), _CMP_LT_OQ));
  }
  return below == 0xff;
}
BT_INLINE vi requantize_below_1(vi sum, vf scale) {
  return _mm256_cvtps_epi32(scaled(sum, scale));
}

/* Two vectors to 16 bits, with the zero point; in the order of packs: by 128 bits. */
BT_INLINE vi pack_words(vi a, vi b, const requant* q) {
  return _mm256_adds_epi16(_mm256_packs_epi32(a, b), q->zero);
}

/* The first n of 16 bytes. */
BT_INLINE void store_16(int8_t* c, __m128i bytes, int n) {
  if (n >= 16)
    _mm_storeu_si128((__m128i*)(void*)c, bytes);
  else
    store_up_to_15(c, bytes, n);
}

/* Requantizes and stores `vecs` (1, 2) vectors of neighbours. */
BT_INLINE void store_s8(int8_t* c, const vi* sum, const vf* scale, const int vecs,
                        const requant* q) {
  const vi first = requantize_below_1(sum[0], scale[0]);
  const vi words = pack_words(first, vecs == 2 ? requantize_below_1(sum[1], scale[1]) : first, q);
  const vi packed = _mm256_packs_epi16(words, words);
  /* Either half of `packed` has four bytes of each vector. */
  const __m128i ordered =
      _mm_unpacklo_epi32(_mm256_castsi256_si128(packed), _mm256_extracti128_si256(packed, 1));
  const __m128i bytes = _mm_min_epi8(_mm_max_epi8(ordered, q->least), q->highest);
  if (vecs == 1)
    _mm_storel_epi64((__m128i*)(void*)c, bytes);
  else
    _mm_storeu_si128((__m128i*)(void*)c, bytes);
}

/* The first n of `size` (8, 16) bytes. */
BT_INLINE void copy_bytes(int8_t* to, const int8_t* from, const int size, int n) {
  const __m128i* source = (const __m128i*)(const void*)from;
  store_16(to, size == 8 ? _mm_loadl_epi64(source) : _mm_loadu_si128(source), n);
}

#endif
