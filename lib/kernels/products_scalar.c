/* SPDX-License-Identifier: Apache-2.0
   The scalar table's products: complete, portable, and what the other tables are compared with.
   Where the baseline CPU has no fused multiply-add (x86-64) the float half is compiled twice:
   libm's fmaf costs a call for each multiplication, the instruction gives the same bits. */
#include "kernels/tables.h"

/* gcc 12 turns loops over 32 columns into vector code, and over 16 into scalar code of a sixth of
   the speed. */
enum { F32_MR = 4, F32_NR = 32, S8_MR = 4, S8_NR = 32, DW_NR = 16 };

#define FLOATS(name) name##_plain
#define FLOATS_TARGET
#include "kernels/products_f32_scalar.inc"
#undef FLOATS
#undef FLOATS_TARGET

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__FMA__)
#define FLOATS(name) name##_fma
#define FLOATS_TARGET __attribute__((target("fma")))
#include "kernels/products_f32_scalar.inc"

static void fill_floats(bt_kernels* k) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("fma"))
    fill_floats_fma(k);
  else
    fill_floats_plain(k);
}

#else

static void fill_floats(bt_kernels* k) { fill_floats_plain(k); }

#endif

/* Sums are unsigned because they wrap around, as in every table: a model whose sums do not fit
   (which its maker should have excluded) gives the same numbers everywhere. */
static void store_row(const bt_tile_s8* t, int r, const uint32_t* sums) {
  for (int j = 0; j < t->cols; ++j) {
    const ptrdiff_t at = r * t->c_stride + j;
    const int32_t sum = (int32_t)sums[j];
    switch (t->store) {
      case BT_STORE_S8:
        ((int8_t*)t->c)[at] = bt_requantize(sum, t->scale[j], t->zero, t->lo, t->hi);
        break;
      case BT_STORE_S32: ((int32_t*)t->c)[at] = sum; break;
      default: ((float*)t->c)[at] = (float)sum * t->scale[j]; break;
    }
  }
}

static void tile_s8(const bt_tile_s8* t) {
  uint32_t sums[S8_MR][S8_NR];
  for (int r = 0; r < t->rows; ++r) {
    uint32_t* sum = sums[r];
    memcpy(sum, t->w, sizeof sums[r]);
    const int8_t* w = (const int8_t*)t->w + sizeof sums[r];
    for (int tap = 0; tap < t->taps; ++tap) {
      const int8_t* a = t->a[tap * S8_MR + r];
      for (int k = 0; k < t->depth; ++k, w += S8_NR)
        for (int j = 0; j < S8_NR; ++j) sum[j] += (uint32_t)(a[k] * w[j]);
    }
    if (t->store < BT_FINISH_S8) store_row(t, r, sum);
  }
  if (t->store >= BT_FINISH_S8) bt_finish_tile(t, (const int32_t*)sums[0], S8_NR);
}

/* n channels of one pixel; a constant where the block is full. */
BT_INLINE void dw_s8_block(const bt_dw_s8* d, const int8_t* w, const int8_t* const* a,
                           ptrdiff_t first, const int n, int8_t* c) {
  uint32_t sum[DW_NR];
  memcpy(sum, w, sizeof sum);
  w += sizeof sum;
  for (int tap = 0; tap < d->taps; ++tap, w += DW_NR)
    for (int j = 0; j < n; ++j) sum[j] += (uint32_t)(a[d->at[tap]][first + j] * w[j]);
  for (int j = 0; j < n; ++j)
    c[first + j] = bt_requantize((int32_t)sum[j], d->scale[first + j], d->zero, d->lo, d->hi);
}

static void dw_s8(const bt_dw_s8* d) {
  const ptrdiff_t block = DW_NR * ((ptrdiff_t)sizeof(int32_t) + d->taps);
  for (ptrdiff_t p = 0; p < d->pixels; ++p) {
    const int8_t* const* a = d->a + p * d->step;
    int8_t* c = d->c + p * d->c_stride;
    const int8_t* w = d->w;
    ptrdiff_t first = 0;
    for (; first + DW_NR <= d->channels; first += DW_NR, w += block)
      dw_s8_block(d, w, a, first, DW_NR, c);
    if (first < d->channels) dw_s8_block(d, w, a, first, (int)(d->channels - first), c);
  }
}

static void dw_s16(const bt_dw_s16* d) {
  const ptrdiff_t block = DW_NR * ((ptrdiff_t)sizeof(int32_t) + d->taps);
  const int8_t* w = d->w;
  for (ptrdiff_t first = 0; first < d->channels; first += DW_NR, w += block) {
    const int n = d->channels - first < DW_NR ? (int)(d->channels - first) : DW_NR;
    int32_t sums[BT_DW_PIXELS][DW_NR] = {{0}};
    for (ptrdiff_t p = 0; p < d->pixels; ++p)
      for (int tap = 0; tap < d->taps; ++tap) {
        const int16_t* x = d->a[p * d->step + d->at[tap]] + first;
        const int8_t* weight = w + DW_NR * ((ptrdiff_t)sizeof(int32_t) + tap);
        for (int j = 0; j < n; ++j) sums[p][j] += x[j] * weight[j];
      }
    bt_finish_channels(d, sums[0], DW_NR, first, n);
  }
}

void bt_install_products_scalar(bt_kernels* k) {
  fill_floats(k);
  k->f32_mr = F32_MR;
  k->f32_nr = F32_NR;
  k->s8_mr = S8_MR;
  k->s8_nr = S8_NR;
  k->s8_kr = 1;
  k->s8_bias = 0;
  k->s8_bytes = 1;
  k->s8_peak = 1;
  k->tile_s8 = tile_s8;
  k->dw_nr = DW_NR;
  k->dw_s8_nr = DW_NR;
  k->dw_s8_kr = 1;
  k->dw_s8_bias = 0;
  k->dw_s8 = dw_s8;
  k->dw_s16_nr = DW_NR;
  k->dw_s16_kr = 1;
  k->dw_s16 = dw_s16;
}
