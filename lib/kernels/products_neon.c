/* SPDX-License-Identifier: Apache-2.0
   Products for aarch64. The rows of a tile are loaded as vectors along k, whose lanes the
   multiplication can pick: one load serves four steps of floats, or eight of bytes. */
#include "kernels/vectors_neon.h"

/* ---- floats: 16 sums, 8 vectors of `a` and 2 weights ---- */

#define F32_MR 8
#define F32_VECS 2
#define F32_ROWS(ROW) ROW(1) ROW(2) ROW(4) ROW(6) ROW(8)

/* The lane has to be a literal. */
#define F32_STEP(lane)                                                           \
  BT_EACH(j, vecs) {                                                             \
    const vf weight = vf_load(w + ((lane)*F32_VECS + j) * LANES);                \
    BT_EACH(r, rows) sum[r][j] = vfmaq_laneq_f32(sum[r][j], weight, x[r], lane); \
  }

BT_INLINE const float* add_tap_f32(vf sum[][F32_VECS], const float* const* row, ptrdiff_t depth,
                                   const float* w, bt_soon* soon, const int rows, const int vecs) {
  (void)soon;
  ptrdiff_t k = 0;
  for (; k + LANES <= depth; k += LANES, w += LANES * F32_VECS * LANES) {
    vf x[F32_MR];
    BT_EACH(r, rows) x[r] = vf_load(row[r] + k);
    F32_STEP(0)
    F32_STEP(1)
    F32_STEP(2)
    F32_STEP(3)
  }
  for (; k < depth; ++k, w += F32_VECS * LANES)
    BT_EACH(r, rows) {
      const vf x = vf_splat(row[r][k]);
      BT_EACH(j, vecs) sum[r][j] = vf_fma(x, vf_load(w + j * LANES), sum[r][j]);
    }
  return w;
}
#define F32_ADD_TAP add_tap_f32
#include "kernels/tile_f32.inc"

#define DWF_VECS 2
#define DWF_PIXELS 4
#define SLIDE_VECS 2
#define SLIDE_PIXELS 8
#include "kernels/dw_f32.inc"

/* ---- bytes: 16 sums, 4 vectors of `a` and 2 of weights, widened to 16 bits ---- */

#define S8_MR 4
#define S8_VECS 4
#define S8_ROWS(ROW) ROW(1) ROW(2) ROW(4)
#define S8_CASES(height) \
  case 0:                \
  case 1: tile_s8_sized(t, height, 2); return;

/* Adds the products of 8 columns with one lane of x, or with all of them equal. */
#define S8_STEP(lane)                                                                 \
  BT_EACH(h, vecs / 2) {                                                              \
    const int16x8_t weight = vmovl_s8(vld1_s8(w + ((lane)*S8_VECS + 2 * h) * LANES)); \
    BT_EACH(r, rows) {                                                                \
      vi* two = &sum[r][2 * h];                                                       \
      two[0] = vmlal_laneq_s16(two[0], vget_low_s16(weight), x[r], lane);             \
      two[1] = vmlal_high_laneq_s16(two[1], weight, x[r], lane);                      \
    }                                                                                 \
  }

BT_INLINE void add_products(const bt_tile_s8* t, const int8_t* w, vi sum[][S8_VECS], const int rows,
                            const int vecs) {
  enum { GROUP = S8_VECS * LANES };
  const int8_t* const* a = t->a;
  for (int tap = 0; tap < t->taps; ++tap, a += S8_MR) {
    int k = 0;
    int16x8_t x[S8_MR];
    for (; k + 8 <= t->depth; k += 8, w += 8 * GROUP) {
      BT_EACH(r, rows) x[r] = vmovl_s8(vld1_s8(a[r] + k));
      S8_STEP(0)
      S8_STEP(1)
      S8_STEP(2)
      S8_STEP(3)
      S8_STEP(4)
      S8_STEP(5)
      S8_STEP(6)
      S8_STEP(7)
    }
    for (; k < t->depth; ++k, w += GROUP) {
      BT_EACH(r, rows) x[r] = vdupq_n_s16(a[r][k]);
      S8_STEP(0)
    }
  }
}
#include "kernels/tile_s8.inc"

/* ---- depthwise bytes ---- */

enum { DW_NR = 8, DW_PIXELS = 4 };

/* `pixels` is a constant in every copy, and so is n where the block is full. */
BT_INLINE void dw_s8_pixels(const bt_dw_s8* d, const void* block, ptrdiff_t pixel,
                            ptrdiff_t channel, const vf* scale, const requant* q, const int pixels,
                            int n) {
  const int32_t* start = block;
  const int8_t* w = (const int8_t*)(start + DW_NR);
  vi sum[DW_PIXELS][2];
  BT_EACH(p, pixels) {
    sum[p][0] = vi_load(start);
    sum[p][1] = vi_load(start + LANES);
  }
  const int8_t* const* a = d->a + pixel * d->step;
  for (int tap = 0; tap < d->taps; ++tap, w += DW_NR) {
    const int16x8_t weight = vmovl_s8(vld1_s8(w));
    BT_EACH(p, pixels) {
      const int8_t* from = a[p * d->step + d->at[tap]] + channel;
      const int16x8_t x = vmovl_s8(n < DW_NR ? load_up_to_8(from, n) : vld1_s8(from));
      sum[p][0] = vmlal_s16(sum[p][0], vget_low_s16(weight), vget_low_s16(x));
      sum[p][1] = vmlal_high_s16(sum[p][1], weight, x);
    }
  }
  BT_EACH(p, pixels)
    store_8(d->c + (pixel + p) * d->c_stride + channel,
            pack_bytes(requantize(sum[p][0], scale[0], q), requantize(sum[p][1], scale[1], q), q),
            n);
}

BT_INLINE void dw_s8_block(const bt_dw_s8* d, const void* block, ptrdiff_t channel, int n) {
  float padded[DW_NR] = {0};
  memcpy(padded, d->scale + channel, (size_t)n * sizeof *padded);
  const vf scale[2] = {vf_load(padded), vf_load(padded + LANES)};
  const requant q = requant_to(d->zero, d->lo, d->hi);
  ptrdiff_t p = 0;
  for (; p + DW_PIXELS <= d->pixels; p += DW_PIXELS)
    dw_s8_pixels(d, block, p, channel, scale, &q, DW_PIXELS, n);
  for (; p < d->pixels; ++p) dw_s8_pixels(d, block, p, channel, scale, &q, 1, n);
}

static void dw_s8(const bt_dw_s8* d) {
  const int8_t* block = d->w;
  ptrdiff_t channel = 0;
  for (; channel + DW_NR <= d->channels; channel += DW_NR, block += DW_NR * (4 + d->taps))
    dw_s8_block(d, block, channel, DW_NR);
  if (channel < d->channels) dw_s8_block(d, block, channel, (int)(d->channels - channel));
}

/* ---- depthwise 16-bit values ---- */

BT_INLINE void dw_s16_pixels(const bt_dw_s16* d, const void* block, ptrdiff_t pixel,
                             ptrdiff_t channel, int32_t* sums, const int pixels, int n) {
  const int8_t* w = (const int8_t*)block + DW_NR * 4;
  vi sum[DW_PIXELS][2];
  BT_EACH(p, pixels) sum[p][0] = sum[p][1] = vdupq_n_s32(0);
  const int16_t* const* a = d->a + pixel * d->step;
  for (int tap = 0; tap < d->taps; ++tap, w += DW_NR) {
    const int16x8_t weight = vmovl_s8(vld1_s8(w));
    BT_EACH(p, pixels) {
      const int16_t* from = a[p * d->step + d->at[tap]] + channel;
      int16_t part[DW_NR] = {0};
      if (n < DW_NR) memcpy(part, from, (size_t)n * sizeof *part);
      const int16x8_t x = vld1q_s16(n < DW_NR ? part : from);
      sum[p][0] = vmlal_s16(sum[p][0], vget_low_s16(weight), vget_low_s16(x));
      sum[p][1] = vmlal_high_s16(sum[p][1], weight, x);
    }
  }
  BT_EACH(p, pixels)
    BT_EACH(j, 2) vi_store(sums + (pixel + p) * DW_NR + j * LANES, sum[p][j]);
}

BT_INLINE void dw_s16_block(const bt_dw_s16* d, const void* block, ptrdiff_t channel, int n) {
  int32_t sums[BT_DW_PIXELS * DW_NR];
  ptrdiff_t p = 0;
  for (; p + DW_PIXELS <= d->pixels; p += DW_PIXELS)
    dw_s16_pixels(d, block, p, channel, sums, DW_PIXELS, n);
  for (; p < d->pixels; ++p) dw_s16_pixels(d, block, p, channel, sums, 1, n);
  bt_finish_channels(d, sums, DW_NR, channel, n);
}

static void dw_s16(const bt_dw_s16* d) {
  const int8_t* block = d->w;
  ptrdiff_t channel = 0;
  for (; channel + DW_NR <= d->channels; channel += DW_NR, block += DW_NR * (4 + d->taps))
    dw_s16_block(d, block, channel, DW_NR);
  if (channel < d->channels) dw_s16_block(d, block, channel, (int)(d->channels - channel));
}

#include "kernels/peak.inc"

void bt_install_products_neon(bt_kernels* k) {
  k->f32_mr = F32_MR;
  k->f32_nr = F32_VECS * LANES;
  k->tile_f32 = tile_f32;
  k->s8_mr = S8_MR;
  k->s8_nr = S8_VECS * LANES;
  k->s8_kr = 1;
  k->s8_bias = 0;
  k->tile_s8 = tile_s8;
  k->peak_f32 = peak_f32;
  k->s8_peak = 1;
  k->dw_nr = DWF_VECS * LANES;
  k->dw_f32 = dw_f32;
  k->dw_s8_nr = DW_NR;
  k->dw_s8_kr = 1;
  k->dw_s8_bias = 0;
  k->dw_s8 = dw_s8;
  k->dw_s16_nr = DW_NR;
  k->dw_s16_kr = 1;
  k->dw_s16 = dw_s16;
}
