/* SPDX-License-Identifier: Apache-2.0
   The names of the intrinsics for what immintrin.h, beside this file, defines. */
#define _mm512_add_epi32 sim_add_epi32
#define _mm512_add_epi8 sim_add_epi8
#define _mm512_sub_epi8 sim_sub_epi8
#define _mm512_sub_epi16 sim_sub_epi16
#define _mm512_adds_epi16 sim_adds_epi16
#define _mm512_subs_epi8 sim_subs_epi8
#define _mm512_max_epi8 sim_max_epi8
#define _mm512_min_epi8 sim_min_epi8
#define _mm512_mullo_epi16 sim_mullo_epi16
#define _mm512_mulhi_epi16 sim_mulhi_epi16
#define _mm512_madd_epi16 sim_madd_epi16
#define _mm512_xor_si512 sim_xor_si512
#define _mm512_packs_epi32 sim_packs_epi32
#define _mm512_packs_epi16 sim_packs_epi16
#define _mm512_unpacklo_epi8 sim_unpacklo_epi8
#define _mm512_unpackhi_epi8 sim_unpackhi_epi8
#define _mm512_unpacklo_epi16 sim_unpacklo_epi16
#define _mm512_unpackhi_epi16 sim_unpackhi_epi16
#define _mm512_shuffle_epi8 sim_shuffle_epi8
#define _mm512_permutexvar_epi32 sim_permutexvar_epi32
#define _mm512_permutexvar_epi64 sim_permutexvar_epi64
#define _mm512_mul_ps sim_mul_ps
#define _mm512_min_ps sim_min_ps
#define _mm512_max_ps sim_max_ps
#define _mm512_sqrt_ps sim_sqrt_ps
#define _mm512_fmadd_ps sim_fmadd_ps
#undef _mm512_slli_epi32
#define _mm512_slli_epi32 sim_slli_epi32
#define _mm512_sra_epi32 sim_sra_epi32
#define _mm512_dpbusd_epi32 sim_dpbusd_epi32
#define _mm256_dpbusd_avx_epi32 sim_dpbusd_avx_epi32

#define _mm512_cvtepi32_ps sim_cvtepi32_ps
#define _mm512_cvtps_epi32 sim_cvtps_epi32
#define _mm512_cvtepi8_epi16 sim_cvtepi8_epi16
#define _mm512_cvtsepi16_epi8 sim_cvtsepi16_epi8

#define _mm512_set1_epi8 sim_set1_epi8
#define _mm512_set1_epi16 sim_set1_epi16
#define _mm512_set1_epi32 sim_set1_epi32
#define _mm512_set1_ps sim_set1_ps
#define _mm512_setzero_si512() sim_set1_epi32(0)
#undef _mm512_setr_epi32
#define _mm512_setr_epi32(...) (((sim512){.d = {__VA_ARGS__}}).all)
#undef _mm512_setr_epi64
#define _mm512_setr_epi64(...) (((sim512){.q = {__VA_ARGS__}}).all)

#define _mm512_loadu_si512 sim_loadu_si512
#define _mm512_storeu_si512 sim_storeu_si512
#define _mm512_loadu_ps(from) sim_load_floats(0xffff, from)
#define _mm512_storeu_ps(to, x) sim_store_floats(to, 0xffff, x)
#define _mm512_maskz_loadu_ps sim_load_floats
#define _mm512_mask_storeu_ps sim_store_floats
#define _mm512_maskz_loadu_epi8 sim_load_bytes
#define _mm512_mask_storeu_epi8 sim_store_bytes
#define _mm256_maskz_loadu_epi8 sim256_load_bytes
#define _mm256_mask_storeu_epi8 sim256_store_bytes
#define _mm_maskz_loadu_epi8 sim128_load_bytes
#define _mm_mask_storeu_epi8 sim128_store_bytes

#define _mm512_castsi256_si512 sim_cast_half
#define _mm512_castsi128_si512 sim_cast_quarter
#define _mm512_castps128_ps512 sim_cast_quarter_f
#define _mm512_castsi512_si256(x) sim_extract_half(x, 0)
#define _mm512_castsi512_si128(x) sim_extract_quarter(x, 0)
#undef _mm512_inserti64x4
#define _mm512_inserti64x4 sim_insert_half
#undef _mm512_inserti32x4
#define _mm512_inserti32x4 sim_insert_quarter
#undef _mm512_insertf32x4
#define _mm512_insertf32x4 sim_insert_quarter_f
#undef _mm512_extracti64x4_epi64
#define _mm512_extracti64x4_epi64 sim_extract_half
#undef _mm512_extracti32x4_epi32
#define _mm512_extracti32x4_epi32 sim_extract_quarter
#define _mm512_broadcast_i64x4 sim_broadcast_half
#define _mm512_broadcast_i32x4 sim_broadcast_quarter

#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask sim_cmp_ps_mask
#define _mm512_maskz_mov_ps sim_maskz_mov_ps
#define _mm512_mask_mov_epi8 sim_mask_mov_epi8
#define _mm512_movepi8_mask sim_movepi8_mask
#define _mm512_permutex2var_epi8 sim_permutex2var_epi8
#define _mm512_permutex2var_epi64 sim_permutex2var_epi64
