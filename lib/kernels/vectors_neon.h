/* SPDX-License-Identifier: Apache-2.0
   The words in which the .inc files are written, for vectors of 4 lanes (aarch64). */
#ifndef BANTAM_KERNELS_VECTORS_NEON_H_
#define BANTAM_KERNELS_VECTORS_NEON_H_
#include <arm_neon.h>

#include "kernels/tail_bytes.h"

typedef float32x4_t vf;
typedef int32x4_t vi;
typedef int8x16_t vx; /* bytes or words of operands */
enum { LANES = 4 };

/* ---- floats ---- */

BT_INLINE vf vf_load(const float* p) { return vld1q_f32(p); }
BT_INLINE vf vf_splat(float x) { return vdupq_n_f32(x); }
BT_INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }

/* The first n (0..3) lanes, zeros behind them. */
BT_INLINE vf vf_load_part(const float* p, int n) {
  vf v = vdupq_n_f32(0);
  if (n > 0) v = vld1q_lane_f32(p, v, 0);
  if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);
  if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);
  return v;
}

/* By selection: FMAX and FMIN would turn -0 into +0 where the limit is 0. */
BT_INLINE vf vf_clamp(vf v, vf lo, vf hi) {
  v = vbslq_f32(vcltq_f32(v, lo), lo, v);
  return vbslq_f32(vcgtq_f32(v, hi), hi, v);
}

BT_INLINE void vf_store(float* p, vf v) { vst1q_f32(p, v); }
/* The first n lanes; all where n is larger. */
BT_INLINE void vf_store_part(float* p, vf v, int n) {
  if (n >= LANES) {
    vf_store(p, v);
    return;
  }
  if (n > 0) vst1q_lane_f32(p, v, 0);
  if (n > 1) vst1q_lane_f32(p + 1, v, 1);
  if (n > 2) vst1q_lane_f32(p + 2, v, 2);
}

/* ---- 32-bit integers ---- */

BT_INLINE vi vi_load(const void* p) { return vld1q_s32(p); }
BT_INLINE void vi_store(void* p, vi v) { vst1q_s32(p, v); }

/* Interleave the lower, or upper, halves. */
BT_INLINE vx vx_zero(void) { return vdupq_n_s8(0); }
BT_INLINE vx zip_low_8(vx a, vx b) { return vzip1q_s8(a, b); }
BT_INLINE vx zip_high_8(vx a, vx b) { return vzip2q_s8(a, b); }
BT_INLINE vx zip_low_16(vx a, vx b) {
  return vreinterpretq_s8_s16(vzip1q_s16(vreinterpretq_s16_s8(a), vreinterpretq_s16_s8(b)));
}
BT_INLINE vx zip_high_16(vx a, vx b) {
  return vreinterpretq_s8_s16(vzip2q_s16(vreinterpretq_s16_s8(a), vreinterpretq_s16_s8(b)));
}

/* Four floats from p; the steps are for longer vectors. */
BT_INLINE vf vf_load_fours(const float* p, int step) {
  (void)step;
  return vf_load(p);
}

/* The first n bytes (0..8), zeros behind them. */
BT_INLINE int8x8_t load_up_to_8(const int8_t* p, int n) {
  return vcreate_s8(bt_load_up_to_8(p, n));
}

/* What turns sums into bytes. */
typedef struct requant {
  int16x8_t zero;
  int8x8_t least, most;
} requant;

BT_INLINE requant requant_to(int32_t zero, int32_t lo, int32_t hi) {
  const requant q = {vdupq_n_s16((int16_t)zero), vdup_n_s8((int8_t)lo), vdup_n_s8((int8_t)hi)};
  return q;
}

BT_INLINE vf scaled(vi sum, vf scale) { return vmulq_f32(vcvtq_f32_s32(sum), scale); }

/* A vector of sums as rounded output steps. The conversion saturates, like every step down to
   8 bits; so the clamp can wait until then. */
BT_INLINE vi requantize(vi sum, vf scale, const requant* q) {
  (void)q;
  return vcvtnq_s32_f32(scaled(sum, scale));
}

/* Whether store_s8 takes these factors: the conversion to integers saturates. */
BT_INLINE int can_store_s8(const vf* scale, const int vecs) {
  (void)scale, (void)vecs;
  return 1;
}

BT_INLINE int8x8_t pack_bytes(vi a, vi b, const requant* q) {
  const int16x8_t words = vqaddq_s16(vcombine_s16(vqmovn_s32(a), vqmovn_s32(b)), q->zero);
  return vmin_s8(vmax_s8(vqmovn_s16(words), q->least), q->most);
}

/* The first n of 8 bytes; all where n is larger. */
BT_INLINE void store_8(int8_t* c, int8x8_t bytes, int n) {
  if (n >= 8) {
    vst1_s8(c, bytes);
    return;
  }
  uint64_t rest = vget_lane_u64(vreinterpret_u64_s8(bytes), 0);
  for (; n > 0; --n, ++c, rest >>= 8) *c = (int8_t)(rest & 0xff);
}

/* Requantizes and stores `vecs` (2, 4) vectors of neighbours. */
BT_INLINE void store_s8(int8_t* c, const vi* sum, const vf* scale, const int vecs,
                        const requant* q) {
  BT_EACH(h, vecs / 2) {
    const vi low = requantize(sum[2 * h], scale[2 * h], q);
    const vi high = requantize(sum[2 * h + 1], scale[2 * h + 1], q);
    vst1_s8(c + 8 * h, pack_bytes(low, high, q));
  }
}

/* The first n of `size` (8, 16) bytes. */
BT_INLINE void copy_bytes(int8_t* to, const int8_t* from, const int size, int n) {
  for (int i = 0; i < size; i += 8) store_8(to + i, vld1_s8(from + i), n - i);
}

#endif
