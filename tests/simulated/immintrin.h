/* SPDX-License-Identifier: Apache-2.0
   The instructions of AVX-512 (F, BW, VL, DQ, VBMI, VNNI) and AVX-VNNI that lib/kernels uses, lane
   by lane in C: with this folder before the compiler's own headers, the kernels of these sets run,
   and are tested, on CPUs that lack them. That tests their logic; the choice of the instruction is
   the compiler's. Written after the operations of Intel's Intrinsics Guide.

   The compiler's headers have declared the intrinsics already, so their names become macros here.
   Its vector types need no instruction set. Lanes that an instruction leaves undefined hold
   GARBAGE. */
#ifndef BANTAM_TESTS_SIMULATED_IMMINTRIN_H_
#define BANTAM_TESTS_SIMULATED_IMMINTRIN_H_
#include_next <immintrin.h>
#include <stdint.h>
#include <string.h>

typedef union sim512 {
  __m512i all;
  __m512 floats;
  __m256i half[2];
  __m128i quarter[4];
  __m128 quarter_f[4];
  int8_t b[64];
  int16_t w[32];
  int32_t d[16];
  int64_t q[8];
  float f[16];
} sim512;

#define SIM static inline __attribute__((unused))
#define SIM_EACH(i, n) for (int i = 0; i < (n); ++i)

SIM sim512 sim_garbage(void) {
  sim512 r;
  memset(&r, 0x5a, sizeof r);
  return r;
}

SIM int8_t sim_to_8(int x) { return (int8_t)(x < -128 ? -128 : x > 127 ? 127 : x); }
SIM int16_t sim_to_16(int x) { return (int16_t)(x < -32768 ? -32768 : x > 32767 ? 32767 : x); }

/* ---- lane by lane: a and b are the operands, i the lane of the result ---- */

#define SIM_LANES(name, field, lanes, lane)      \
  SIM __m512i sim_##name(__m512i x, __m512i y) { \
    const sim512 a = {.all = x}, b = {.all = y}; \
    sim512 r;                                    \
    SIM_EACH(i, lanes) r.field[i] = lane;        \
    return r.all;                                \
  }
SIM_LANES(add_epi32, d, 16, (int32_t)((uint32_t)a.d[i] + (uint32_t)b.d[i]))
SIM_LANES(add_epi8, b, 64, (int8_t)(a.b[i] + b.b[i]))
SIM_LANES(sub_epi8, b, 64, (int8_t)(a.b[i] - b.b[i]))
SIM_LANES(sub_epi16, w, 32, (int16_t)(a.w[i] - b.w[i]))
SIM_LANES(adds_epi16, w, 32, sim_to_16(a.w[i] + b.w[i]))
SIM_LANES(subs_epi8, b, 64, sim_to_8(a.b[i] - b.b[i]))
SIM_LANES(max_epi8, b, 64, a.b[i] > b.b[i] ? a.b[i] : b.b[i])
SIM_LANES(min_epi8, b, 64, a.b[i] < b.b[i] ? a.b[i] : b.b[i])
SIM_LANES(mullo_epi16, w, 32, (int16_t)(a.w[i] * b.w[i]))
SIM_LANES(mulhi_epi16, w, 32, (int16_t)((a.w[i] * b.w[i]) >> 16))
SIM_LANES(madd_epi16, d, 16,
          (int32_t)((uint32_t)(a.w[2 * i] * b.w[2 * i]) +
                    (uint32_t)(a.w[2 * i + 1] * b.w[2 * i + 1])))
SIM_LANES(xor_si512, q, 8, a.q[i] ^ b.q[i])

/* These work inside blocks of 16 bytes. */
#define SIM_IN_BLOCK(i, per) ((i) / (per) * (per))
SIM_LANES(packs_epi32, w, 32, sim_to_16((i % 8 < 4 ? a : b).d[SIM_IN_BLOCK(i, 8) / 2 + i % 4]))
SIM_LANES(packs_epi16, b, 64, sim_to_8((i % 16 < 8 ? a : b).w[SIM_IN_BLOCK(i, 16) / 2 + i % 8]))
SIM_LANES(unpacklo_epi8, b, 64, (i % 2 ? b : a).b[SIM_IN_BLOCK(i, 16) + i % 16 / 2])
SIM_LANES(unpackhi_epi8, b, 64, (i % 2 ? b : a).b[SIM_IN_BLOCK(i, 16) + 8 + i % 16 / 2])
SIM_LANES(unpacklo_epi16, w, 32, (i % 2 ? b : a).w[SIM_IN_BLOCK(i, 8) + i % 8 / 2])
SIM_LANES(unpackhi_epi16, w, 32, (i % 2 ? b : a).w[SIM_IN_BLOCK(i, 8) + 4 + i % 8 / 2])
SIM_LANES(shuffle_epi8, b, 64, b.b[i] < 0 ? 0 : a.b[SIM_IN_BLOCK(i, 16) + b.b[i] % 16])

/* The first operand says which lane of the second. */
SIM_LANES(permutexvar_epi32, d, 16, b.d[a.d[i] & 15])
SIM_LANES(permutexvar_epi64, q, 8, b.q[a.q[i] & 7])

#define SIM_FLOATS(name, lane)                         \
  SIM __m512 sim_##name(__m512 x, __m512 y) {          \
    const sim512 a = {.floats = x}, b = {.floats = y}; \
    sim512 r;                                          \
    SIM_EACH(i, 16) r.f[i] = lane;                     \
    return r.floats;                                   \
  }
SIM_FLOATS(mul_ps, a.f[i] * b.f[i])
SIM_FLOATS(min_ps, a.f[i] < b.f[i] ? a.f[i] : b.f[i])
SIM_FLOATS(max_ps, a.f[i] > b.f[i] ? a.f[i] : b.f[i])

SIM __m512 sim_sqrt_ps(__m512 x) {
  sim512 r = {.floats = x};
  SIM_EACH(i, 16) r.f[i] = __builtin_sqrtf(r.f[i]);
  return r.floats;
}
SIM __m512 sim_fmadd_ps(__m512 x, __m512 y, __m512 z) {
  const sim512 a = {.floats = x}, b = {.floats = y};
  sim512 r = {.floats = z};
  SIM_EACH(i, 16) r.f[i] = __builtin_fmaf(a.f[i], b.f[i], r.f[i]);
  return r.floats;
}
SIM __m512i sim_slli_epi32(__m512i x, unsigned count) {
  sim512 r = {.all = x};
  SIM_EACH(i, 16) r.d[i] = count > 31 ? 0 : (int32_t)((uint32_t)r.d[i] << count);
  return r.all;
}
SIM __m512i sim_sra_epi32(__m512i x, __m128i count) {
  const uint64_t bits = (uint64_t)_mm_cvtsi128_si64(count);
  sim512 r = {.all = x};
  SIM_EACH(i, 16) r.d[i] >>= bits > 31 ? 31 : bits;
  return r.all;
}

/* Four products of an unsigned and a signed byte, added to a sum. */
#define SIM_DPBUSD(sum, a, b, i) \
  SIM_EACH(k, 4)                 \
  (sum)[i] =                     \
      (int32_t)((uint32_t)(sum)[i] + (uint32_t)((uint8_t)(a)[4 * (i) + k] * (b)[4 * (i) + k]))
SIM __m512i sim_dpbusd_epi32(__m512i sum, __m512i x, __m512i y) {
  const sim512 a = {.all = x}, b = {.all = y};
  sim512 r = {.all = sum};
  SIM_EACH(i, 16) SIM_DPBUSD(r.d, a.b, b.b, i);
  return r.all;
}
SIM __m256i sim_dpbusd_avx_epi32(__m256i sum, __m256i x, __m256i y) {
  const sim512 a = {.half = {x}}, b = {.half = {y}};
  sim512 r = {.half = {sum}};
  SIM_EACH(i, 8) SIM_DPBUSD(r.d, a.b, b.b, i);
  return r.half[0];
}

/* ---- conversions ---- */

SIM __m512 sim_cvtepi32_ps(__m512i x) {
  const sim512 a = {.all = x};
  sim512 r;
  SIM_EACH(i, 16) r.f[i] = (float)a.d[i];
  return r.floats;
}
/* What does not fit, and NaN, becomes the least number. */
SIM __m512i sim_cvtps_epi32(__m512 x) {
  const sim512 a = {.floats = x};
  sim512 r;
  SIM_EACH(i, 16) {
    const float rounded = __builtin_rintf(a.f[i]);
    r.d[i] = rounded >= -0x1p31f && rounded < 0x1p31f ? (int32_t)rounded : INT32_MIN;
  }
  return r.all;
}
SIM __m512i sim_cvtepi8_epi16(__m256i x) {
  const sim512 a = {.half = {x}};
  sim512 r;
  SIM_EACH(i, 32) r.w[i] = a.b[i];
  return r.all;
}
SIM __m256i sim_cvtsepi16_epi8(__m512i x) {
  const sim512 a = {.all = x};
  sim512 r;
  SIM_EACH(i, 32) r.b[i] = sim_to_8(a.w[i]);
  return r.half[0];
}

/* ---- one number in all lanes, or a list of them ---- */

SIM __m512i sim_set1_epi8(char x) {
  sim512 r;
  memset(&r, x, sizeof r);
  return r.all;
}
SIM __m512i sim_set1_epi16(short x) {
  sim512 r;
  SIM_EACH(i, 32) r.w[i] = x;
  return r.all;
}
SIM __m512i sim_set1_epi32(int x) {
  sim512 r;
  SIM_EACH(i, 16) r.d[i] = x;
  return r.all;
}
SIM __m512 sim_set1_ps(float x) {
  sim512 r;
  SIM_EACH(i, 16) r.f[i] = x;
  return r.floats;
}

/* ---- memory; what a mask leaves out is not touched ---- */

SIM __m512i sim_loadu_si512(const void* from) {
  sim512 r;
  memcpy(&r, from, sizeof r);
  return r.all;
}
SIM void sim_storeu_si512(void* to, __m512i x) { memcpy(to, &x, sizeof x); }

#define SIM_MASKED(prefix, type, field, size, bytes)                                     \
  SIM type prefix##_load_##bytes(uint64_t mask, const void* from) {                      \
    sim512 r = {.q = {0}};                                                               \
    SIM_EACH(i, (int)sizeof(type) / (size))                                              \
    if (mask >> i & 1) memcpy(r.b + i * (size), (const char*)from + i * (size), (size)); \
    return r.field;                                                                      \
  }                                                                                      \
  SIM void prefix##_store_##bytes(void* to, uint64_t mask, type x) {                     \
    sim512 r = {.field = x};                                                             \
    SIM_EACH(i, (int)sizeof(type) / (size))                                              \
    if (mask >> i & 1) memcpy((char*)to + i * (size), r.b + i * (size), (size));         \
  }
SIM_MASKED(sim, __m512i, all, 1, bytes)
SIM_MASKED(sim256, __m256i, half[0], 1, bytes)
SIM_MASKED(sim128, __m128i, quarter[0], 1, bytes)
SIM_MASKED(sim, __m512, floats, 4, floats)

/* ---- parts of a vector ---- */

#define SIM_PARTS(short_name, whole, part, field, parts)      \
  SIM whole sim_cast_##short_name(part x) {                   \
    sim512 r = sim_garbage();                                 \
    r.parts[0] = x;                                           \
    return r.field;                                           \
  }                                                           \
  SIM whole sim_insert_##short_name(whole v, part x, int i) { \
    sim512 r = {.field = v};                                  \
    r.parts[i] = x;                                           \
    return r.field;                                           \
  }                                                           \
  SIM part sim_extract_##short_name(whole v, int i) {         \
    const sim512 r = {.field = v};                            \
    return r.parts[i];                                        \
  }                                                           \
  SIM whole sim_broadcast_##short_name(part x) {              \
    sim512 r;                                                 \
    SIM_EACH(i, (int)(sizeof r / sizeof x)) r.parts[i] = x;   \
    return r.field;                                           \
  }
SIM_PARTS(half, __m512i, __m256i, all, half)
SIM_PARTS(quarter, __m512i, __m128i, all, quarter)
SIM_PARTS(quarter_f, __m512, __m128, floats, quarter_f)

/* ---- masks ---- */

/* Neither is NaN: the only comparison in use. */
SIM __mmask16 sim_cmp_ps_mask(__m512 x, __m512 y, int how) {
  const sim512 a = {.floats = x}, b = {.floats = y};
  unsigned r = 0;
  SIM_EACH(i, 16) r |= (unsigned)(a.f[i] == a.f[i] && b.f[i] == b.f[i]) << i;
  return how == _CMP_ORD_Q ? (__mmask16)r : 0;
}
SIM __m512 sim_maskz_mov_ps(__mmask16 mask, __m512 x) {
  sim512 r = {.floats = x};
  SIM_EACH(i, 16) r.d[i] = mask >> i & 1 ? r.d[i] : 0;
  return r.floats;
}
SIM __m512i sim_mask_mov_epi8(__m512i otherwise, __mmask64 mask, __m512i x) {
  const sim512 a = {.all = x};
  sim512 r = {.all = otherwise};
  SIM_EACH(i, 64) r.b[i] = mask >> i & 1 ? a.b[i] : r.b[i];
  return r.all;
}
SIM __mmask64 sim_movepi8_mask(__m512i x) {
  const sim512 a = {.all = x};
  uint64_t r = 0;
  SIM_EACH(i, 64) r |= (uint64_t)(a.b[i] < 0) << i;
  return r;
}
SIM __m512i sim_permutex2var_epi8(__m512i low, __m512i index, __m512i high) {
  const sim512 a = {.all = low}, b = {.all = high};
  sim512 r = {.all = index};
  SIM_EACH(i, 64) r.b[i] = (r.b[i] & 64 ? b : a).b[r.b[i] & 63];
  return r.all;
}
SIM __m512i sim_permutex2var_epi64(__m512i low, __m512i index, __m512i high) {
  const sim512 a = {.all = low}, b = {.all = high};
  sim512 r = {.all = index};
  SIM_EACH(i, 8) r.q[i] = (r.q[i] & 8 ? b : a).q[r.q[i] & 7];
  return r.all;
}

#include "names.h"
#endif
