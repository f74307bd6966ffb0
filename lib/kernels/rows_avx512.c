/* SPDX-License-Identifier: Apache-2.0
   Rows for CPUs with AVX-512 (F, BW, VL, DQ). gcc vectorises the shared float rows well; what it
   leaves slow is written out here and in rows_s8_x86.inc. */
#include <immintrin.h>

#include "kernels/finish_x86.h"
#include "kernels/tables.h"

#define ROWS(name) name##_avx512
#define ROWS_TARGET
#include "kernels/rows_f32.inc"
#include "kernels/rows_s16.inc"
#include "kernels/rows_s8.inc"

#define VECTOR __m512i
#define VECTOR_F __m512
#define V(name) _mm512_##name
#define V_SI(name) _mm512_##name##_si512
#define V_HALF(name) _mm256_##name##_si256

static inline VECTOR order_16(VECTOR bytes) {
  return _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), bytes);
}

static inline VECTOR order_32(VECTOR bytes) {
  const VECTOR order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, bytes);
}

static inline VECTOR_F keep_numbers(VECTOR_F f) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(f, f, _CMP_ORD_Q), f);
}

static inline VECTOR in_all_lanes(__m128i lane) { return _mm512_broadcast_i32x4(lane); }

#include "kernels/rows_s8_x86.inc"

/* With VBMI one instruction looks up 128 entries by the low 7 bits of an index. Negative x belong
   to the first 128, and the low bits of x and x + 128 are the same. */
#if defined(BT_SIMULATED)
#define VBMI_TARGET
#define HAS_VBMI 1
#else
#define VBMI_TARGET __attribute__((target("avx512vbmi")))
#define HAS_VBMI __builtin_cpu_supports("avx512vbmi")
#endif
VBMI_TARGET static void row_table_vbmi(const int8_t* x, int8_t* y, size_t n,
                                       const int8_t table[256]) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (size_t i = 0; i < n; i += 64) {
    const __mmask64 live = n - i < 64 ? ((__mmask64)1 << (n - i)) - 1 : ~(__mmask64)0;
    const __m512i index = _mm512_maskz_loadu_epi8(live, x + i);
    const __m512i below = _mm512_permutex2var_epi8(t0, index, t1);
    const __m512i above = _mm512_permutex2var_epi8(t2, index, t3);
    const __mmask64 is_below = _mm512_movepi8_mask(index);
    _mm512_mask_storeu_epi8(y + i, live, _mm512_mask_mov_epi8(above, is_below, below));
  }
}

/* gcc leaves what is behind the last 64 to single bytes, and pixels often have fewer channels. */
static void row_max_s8(const int8_t* const* a, int count, int8_t* y, size_t n) {
  for (size_t i = 0; i < n; i += 64) {
    const __mmask64 live = n - i < 64 ? ((__mmask64)1 << (n - i)) - 1 : ~(__mmask64)0;
    __m512i most = _mm512_maskz_loadu_epi8(live, y + i);
    for (int r = 0; r < count; ++r)
      most = _mm512_max_epi8(most, _mm512_maskz_loadu_epi8(live, a[r] + i));
    _mm512_mask_storeu_epi8(y + i, live, most);
  }
}

static void row_sqrt(const float* x, float* y, size_t n) {
  size_t i = 0;
  for (; i + 16 <= n; i += 16) _mm512_storeu_ps(y + i, _mm512_sqrt_ps(_mm512_loadu_ps(x + i)));
  for (; i < n; ++i) y[i] = sqrtf(x[i]);
}

void bt_install_rows_avx512(bt_kernels* k) {
  fill_rows_f32_avx512(k);
  fill_rows_s8(k);
  fill_rows_s16_avx512(k);
  k->unary[BT_SQRT] = row_sqrt;
  k->max_s8 = row_max_s8;
  __builtin_cpu_init();
  if (HAS_VBMI) k->table_s8 = row_table_vbmi;
}
