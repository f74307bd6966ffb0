/* SPDX-License-Identifier: Apache-2.0
   Eight sums of the finish at a time (rows_s16.inc), for CPUs with AVX2 and FMA: compilers convert
   between integers of three lengths and doubles with several times the instructions. */
#ifndef BANTAM_KERNELS_FINISH_X86_H_
#define BANTAM_KERNELS_FINISH_X86_H_
#include <immintrin.h>

#include "kernels/tables.h"

/* Four of them as doubles; 256 * high is exact, and so is the sum. */
BT_INLINE __m256d finish_four(const bt_finish* f, const int32_t* low, const int32_t* high, size_t i,
                              const int planes, const int starts) {
  __m256d d = _mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i*)(const void*)(low + i)));
  if (planes == 2) {
    const __m128i h = _mm_loadu_si128((const __m128i*)(const void*)(high + i));
    d = _mm256_fmadd_pd(_mm256_set1_pd(256.0), _mm256_cvtepi32_pd(h), d);
  }
  if (starts) d = _mm256_add_pd(d, _mm256_loadu_pd(f->start + i));
  return _mm256_mul_pd(d, _mm256_cvtps_pd(_mm_loadu_ps(f->scale + i)));
}

BT_INLINE __m128i finish_round(__m256d d, const bt_finish* f) {
  const __m256d raised = _mm256_max_pd(d, _mm256_set1_pd(f->lo - f->zero));
  const __m256d inside = _mm256_min_pd(raised, _mm256_set1_pd(f->hi - f->zero));
  return _mm_add_epi32(_mm256_cvtpd_epi32(inside), _mm_set1_epi32(f->zero));
}

/* Columns i to i + 7 of a row; planes, starts and store are constants in every copy. */
BT_INLINE void finish_eight(const bt_finish* f, const int32_t* low, const int32_t* high, void* to,
                            size_t i, const int planes, const int starts, const bt_store store) {
  const __m256d a = finish_four(f, low, high, i, planes, starts);
  const __m256d b = finish_four(f, low, high, i + 4, planes, starts);
  if (store == BT_FINISH_F32) {
    _mm_storeu_ps((float*)to + i, _mm256_cvtpd_ps(a));
    _mm_storeu_ps((float*)to + i + 4, _mm256_cvtpd_ps(b));
    return;
  }
  const __m128i words = _mm_packs_epi32(finish_round(a, f), finish_round(b, f));
  if (store == BT_FINISH_S16)
    _mm_storeu_si128((__m128i*)(void*)((int16_t*)to + i), words);
  else
    _mm_storel_epi64((__m128i*)(void*)((int8_t*)to + i), _mm_packs_epi16(words, words));
}
#define ROWS_FINISH_EIGHT finish_eight

#endif
