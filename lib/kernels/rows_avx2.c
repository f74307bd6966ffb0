/* SPDX-License-Identifier: Apache-2.0
   Rows for CPUs with AVX2 and FMA. gcc vectorises the shared float rows well; what it leaves slow
   is written out here and in rows_s8_x86.inc. */
#include <immintrin.h>

#include "kernels/finish_x86.h"
#include "kernels/tables.h"

#define ROWS(name) name##_avx2
#define ROWS_TARGET
#include "kernels/rows_f32.inc"
#include "kernels/rows_s8.inc"
#include "kernels/rows_s16.inc"

#define VECTOR __m256i
#define VECTOR_F __m256
#define V(name) _mm256_##name
#define V_SI(name) _mm256_##name##_si256
#define V_HALF(name) _mm_##name##_si128

static inline VECTOR order_16(VECTOR bytes) {
  return _mm256_permute4x64_epi64(bytes, _MM_SHUFFLE(3, 1, 2, 0));
}

static inline VECTOR order_32(VECTOR bytes) {
  return _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}

static inline VECTOR_F keep_numbers(VECTOR_F f) {
  return _mm256_and_ps(f, _mm256_cmp_ps(f, f, _CMP_ORD_Q));
}

static inline VECTOR in_all_lanes(__m128i lane) { return _mm256_broadcastsi128_si256(lane); }

#include "kernels/rows_s8_x86.inc"

/* gcc leaves what is behind the last 32 to single bytes, and pixels often have fewer channels. */
static void row_max_s8(const int8_t* const* a, int count, int8_t* y, size_t n) {
  size_t i = 0;
  for (; i + 32 <= n; i += 32) {
    VECTOR most = V_SI(loadu)((const void*)(y + i));
    for (int r = 0; r < count; ++r) most = V(max_epi8)(most, V_SI(loadu)((const void*)(a[r] + i)));
    V_SI(storeu)((void*)(y + i), most);
  }
  while (i < n && n >= 8) { /* the last eight may have been seen before */
    if (i + 8 > n) i = n - 8;
    __m128i most = _mm_loadl_epi64((const void*)(y + i));
    for (int r = 0; r < count; ++r) most = _mm_max_epi8(most, _mm_loadl_epi64((const void*)(a[r] + i)));
    _mm_storel_epi64((void*)(y + i), most);
    i += 8;
  }
  for (int r = 0; r < count; ++r)
    for (size_t k = i; k < n; ++k) y[k] = a[r][k] > y[k] ? a[r][k] : y[k];
}

static void row_sqrt(const float* x, float* y, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) _mm256_storeu_ps(y + i, _mm256_sqrt_ps(_mm256_loadu_ps(x + i)));
  for (; i < n; ++i) y[i] = sqrtf(x[i]);
}

void bt_install_rows_avx2(bt_kernels* k) {
  fill_rows_f32_avx2(k);
  fill_rows_s8(k);
  fill_rows_s16_avx2(k);
  k->unary[BT_SQRT] = row_sqrt;
  k->max_s8 = row_max_s8;
}
