/* SPDX-License-Identifier: Apache-2.0
   The words in which the .inc files are written, for vectors of 16 lanes. */
#ifndef BANTAM_KERNELS_VECTORS_AVX512_H_
#define BANTAM_KERNELS_VECTORS_AVX512_H_
#include <immintrin.h>

#include "kernels/tail_bytes.h"

typedef __m512 vf;
typedef __m512i vi;
typedef vi vx; /* bytes or words of operands */
enum { LANES = 16 };

BT_INLINE __mmask16 first_lanes(int n) { return (__mmask16)((1u << n) - 1); }

/* ---- floats ---- */

BT_INLINE vf vf_load(const float* p) { return _mm512_loadu_ps(p); }
BT_INLINE vf vf_load_part(const float* p, int n) {
  return _mm512_maskz_loadu_ps(first_lanes(n), p);
}
BT_INLINE vf vf_splat(float x) { return _mm512_set1_ps(x); }
BT_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }

/* max and min return their second operand where one is NaN or both are zero: v passes. */
BT_INLINE vf vf_clamp(vf v, vf lo, vf hi) { return _mm512_min_ps(hi, _mm512_max_ps(lo, v)); }

BT_INLINE void vf_store(float* p, vf v) { _mm512_storeu_ps(p, v); }
/* The first n lanes; all where n is larger. */
BT_INLINE void vf_store_part(float* p, vf v, int n) {
  _mm512_mask_storeu_ps(p, first_lanes(n < LANES ? n : LANES), v);
}

/* ---- 32-bit integers ---- */

BT_INLINE vi vi_load(const void* p) { return _mm512_loadu_si512(p); }
BT_INLINE void vi_store(void* p, vi v) { _mm512_storeu_si512(p, v); }

/* The same sum, made now: gcc would add up a tree of products and run out of registers. */
BT_INLINE vi vi_keep(vi v) {
#if defined(__GNUC__) && !defined(BT_SIMULATED)
  __asm__("" : "+v"(v));
#endif
  return v;
}

BT_INLINE vx vx_zero(void) { return _mm512_setzero_si512(); }
/* Four bytes, or two words, again and again. */
BT_INLINE vx vx_splat(uint32_t group) { return _mm512_set1_epi32((int)group); }

/* Interleave the lower, or upper, halves of every 128 bits. */
BT_INLINE vx zip_low_8(vx a, vx b) { return _mm512_unpacklo_epi8(a, b); }
BT_INLINE vx zip_high_8(vx a, vx b) { return _mm512_unpackhi_epi8(a, b); }
BT_INLINE vx zip_low_16(vx a, vx b) { return _mm512_unpacklo_epi16(a, b); }
BT_INLINE vx zip_high_16(vx a, vx b) { return _mm512_unpackhi_epi16(a, b); }

/* 4 * LANES bytes, and the first n (1..64) of them with zeros behind. */
BT_INLINE vx load_bytes(const int8_t* p) { return _mm512_loadu_si512(p); }
BT_INLINE vx load_bytes_part(const int8_t* p, int n) {
  return _mm512_maskz_loadu_epi8(~(__mmask64)0 >> (64 - n), p);
}

/* 2 * LANES bytes as 16-bit values, and the first n (1..32) of them with zeros behind. */
BT_INLINE vx load_words(const int8_t* p) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i*)(const void*)p));
}
BT_INLINE vx load_words_part(const int8_t* p, int n) {
  return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(~(__mmask32)0 >> (32 - n), p));
}

/* Four floats from each of p, p + step, p + 2 step ... */
BT_INLINE vf vf_load_fours(const float* p, int step) {
  vf v = _mm512_castps128_ps512(_mm_loadu_ps(p));
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + step), 1);
  v = _mm512_insertf32x4(v, _mm_loadu_ps(p + 2 * step), 2);
  return _mm512_insertf32x4(v, _mm_loadu_ps(p + 3 * step), 3);
}

/* What turns sums into bytes. */
typedef struct requant {
  vf most;           /* hi - zero */
  vi zero;           /* 16-bit lanes */
  vi least, highest; /* lo and hi, 8-bit lanes */
} requant;

BT_INLINE requant requant_to(int32_t zero, int32_t lo, int32_t hi) {
  const requant q = {_mm512_set1_ps((float)(hi - zero)), _mm512_set1_epi16((short)zero),
                     _mm512_set1_epi8((char)lo), _mm512_set1_epi8((char)hi)};
  return q;
}

BT_INLINE vf scaled(vi sum, vf scale) { return _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scale); }

/* A vector of sums as rounded output steps. The upper clamp comes before the conversion; what is
   far below becomes INT_MIN there and saturates later, on the way to 8 bits. */
BT_INLINE vi requantize(vi sum, vf scale, const requant* q) {
  return _mm512_cvtps_epi32(_mm512_min_ps(scaled(sum, scale), q->most));
}

/* Whether store_s8_four takes these factors. Those below 1 leave every sum inside of 32 bits, and
   the upper clamp can wait for the bytes. */
BT_INLINE int can_store_s8(const vf* scale, const int vecs) {
  __mmask16 below = 0xffff;
  BT_EACH(j, vecs) {
    below &= _mm512_cmp_ps_mask(scale[j], _mm512_set1_ps(1.0f), _CMP_LT_OQ);
    below &= _mm512_cmp_ps_mask(_mm512_set1_ps(-1.0f), scale[j], _CMP_LT_OQ);
  }
  return below == 0xffff;
}
BT_INLINE vi requantize_below_1(vi sum, vf scale) {
  return _mm512_cvtps_epi32(scaled(sum, scale));
}

/* Two vectors to 16 bits, with the zero point; in the order of packs: by 128 bits. */
BT_INLINE vi pack_words(vi a, vi b, const requant* q) {
  return _mm512_adds_epi16(_mm512_packs_epi32(a, b), q->zero);
}
BT_INLINE vi pack_bytes(vi a, vi b, const requant* q) {
  return _mm512_max_epi8(_mm512_packs_epi16(a, b), q->least);
}

/* The first n of 16, or of 32, bytes; `whole` says that n is all. */
BT_INLINE void store_16(int8_t* c, __m128i bytes, int n, int whole) {
  if (whole)
    _mm_storeu_si128((__m128i*)(void*)c, bytes);
  else
    _mm_mask_storeu_epi8(c, (__mmask16)(0xffffu >> (16 - n)), bytes);
}
BT_INLINE void store_32(int8_t* c, __m256i bytes, int n, int whole) {
  if (whole)
    _mm256_storeu_si256((__m256i*)(void*)c, bytes);
  else
    _mm256_mask_storeu_epi8(c, ~(__mmask32)0 >> (32 - n), bytes);
}

/* Requantizes four vectors of sums and stores them: `rows` rows, `step` bytes apart, of `vecs` (1 or
   2) vectors, of which the first n bytes are meant. Rows that are missing to four vectors are not
   stored. */
BT_INLINE void store_s8_four(int8_t* c, ptrdiff_t step, const vi sum[4], const vf* scale,
                             const int rows, const int vecs, int n, const requant* q) {
  vi y[4];
  BT_EACH(i, 4) y[i] = i < rows * vecs ? requantize_below_1(sum[i], scale[i % vecs]) : y[i - 1];
  const vi bytes = pack_bytes(pack_words(y[0], y[1], q), pack_words(y[2], y[3], q), q);
  /* Four bytes of vector j, quarter i, are number 4 i + j. */
  const vi order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const vi all = _mm512_permutexvar_epi32(order, _mm512_min_epi8(bytes, q->highest));
  const int whole = n == vecs * LANES;
  if (vecs == 2) {
    store_32(c, _mm512_castsi512_si256(all), n, whole);
    if (rows > 1) store_32(c + step, _mm512_extracti64x4_epi64(all, 1), n, whole);
    return;
  }
  store_16(c, _mm512_castsi512_si128(all), n, whole);
  if (rows > 1) store_16(c + step, _mm512_extracti32x4_epi32(all, 1), n, whole);
  if (rows > 2) store_16(c + 2 * step, _mm512_extracti32x4_epi32(all, 2), n, whole);
  if (rows > 3) store_16(c + 3 * step, _mm512_extracti32x4_epi32(all, 3), n, whole);
}

/* The first n (1..64) of 64 bytes. */
BT_INLINE void store_bytes_part(int8_t* c, vx bytes, int n) {
  _mm512_mask_storeu_epi8(c, ~(__mmask64)0 >> (64 - n), bytes);
}
/* The first n of `size` (16, 32 ... 64) bytes. */
BT_INLINE void copy_bytes(int8_t* to, const int8_t* from, const int size, int n) {
  store_bytes_part(to, load_bytes_part(from, size), n);
}

#endif
