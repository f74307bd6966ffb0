/* SPDX-License-Identifier: Apache-2.0
   Packing of weights into the order in which the product kernels read them. Runs once per model
   load, or once per run for a product of two computed matrices. */
#include <string.h>

#include "kernels/tables.h"

static size_t round_up_64(size_t n) { return (n + 63) / 64 * 64; }

static size_t blocks_of(int n, int width) {
  return ((size_t)n + (size_t)width - 1) / (size_t)width;
}

/* Columns are copied in runs of this many rows, so that what one run writes (and reads, where
   columns are neighbours) stays in the first-level cache until all columns have passed. */
enum { RUN = 64 };

static int least(int a, int b) { return a < b ? a : b; }

/* ---- products of floats ---- */

size_t bt_panel_f32(const bt_kernels* k, int rows) {
  return round_up_64(((size_t)rows + 1) * (size_t)k->f32_nr * sizeof(float));
}

/* n (at most RUN) rows of one panel with `columns` columns, nr apart in `out`. */
static void pack_run_f32(int n, int columns, int nr, const float* w, ptrdiff_t o_stride,
                         ptrdiff_t r_stride, float* out) {
  if (o_stride == 1) {
    for (ptrdiff_t r = 0; r < n; ++r)
      memcpy(out + r * nr, w + r * r_stride, (size_t)columns * sizeof(float));
    return;
  }
  int j = 0;
  for (; j + 4 <= columns; j += 4, w += 4 * o_stride) { /* four at a time are one store */
    const float *w1 = w + o_stride, *w2 = w1 + o_stride, *w3 = w2 + o_stride;
    for (ptrdiff_t r = 0; r < n; ++r) {
      const float v[4] = {w[r * r_stride], w1[r * r_stride], w2[r * r_stride], w3[r * r_stride]};
      memcpy(out + r * nr + j, v, sizeof v);
    }
  }
  for (; j < columns; ++j, w += o_stride)
    for (ptrdiff_t r = 0; r < n; ++r) out[r * nr + j] = w[r * r_stride];
}

size_t bt_pack_f32(const bt_kernels* k, int outputs, int rows, const float* w, ptrdiff_t o_stride,
                   ptrdiff_t r_stride, const float* bias, float* out) {
  const int nr = k->f32_nr;
  const size_t panel = bt_panel_f32(k, rows), bytes = panel * blocks_of(outputs, nr);
  if (!out) return bytes;
  for (int first = 0; first < outputs; first += nr, out += panel / sizeof(float)) {
    const int columns = least(outputs - first, nr);
    const size_t used = ((size_t)rows + 1) * (size_t)nr * sizeof(float);
    if (columns < nr)
      memset(out, 0, panel);
    else
      memset((char*)out + used, 0, panel - used);
    memset(out, 0, (size_t)nr * sizeof(float));
    if (bias) memcpy(out, bias + first, (size_t)columns * sizeof(float));
    for (ptrdiff_t r = 0; r < rows; r += RUN)
      pack_run_f32(least(rows - (int)r, RUN), columns, nr, w + first * o_stride + r * r_stride,
                   o_stride, r_stride, out + (1 + r) * nr);
  }
  return bytes;
}

/* ---- products of bytes ---- */

size_t bt_panel_s8(const bt_kernels* k, int taps, int depth) {
  const size_t groups = (size_t)taps * blocks_of(depth, k->s8_kr);
  const size_t group = (size_t)k->s8_nr * (size_t)k->s8_kr;
  return round_up_64((size_t)k->s8_nr * sizeof(int32_t) + groups * group);
}

/* Rows as neighbours: kr of them become one group. Adds up the columns in `sums`. Called with a
   constant kr, for which compilers find vector code. */
BT_INLINE void pack_rows(int n, int columns, const int8_t* w, ptrdiff_t r_stride, int32_t* sums,
                         int8_t* out, int nr, const int kr) {
  static const int8_t zeros[BT_NR_MAX];
  for (int r = 0; r < n; r += kr, w += kr * r_stride, out += nr * kr) {
    const int8_t* row[4] = {zeros, zeros, zeros, zeros};
    for (int i = 0; i < kr && r + i < n; ++i) row[i] = w + i * r_stride;
    for (int j = 0; j < columns; ++j)
      for (int i = 0; i < kr; ++i) {
        out[j * kr + i] = row[i][j];
        sums[j] += row[i][j];
      }
  }
}

/* One column, n values that are neighbours: every kr of them go to another group. */
BT_INLINE void pack_column(int n, const int8_t* w, int8_t* out, int nr, const int kr) {
  const int whole = n / kr * kr;
  for (ptrdiff_t r = 0; r < whole; r += kr) memcpy(out + r * nr, w + r, (size_t)kr);
  if (whole < n) memcpy(out + (ptrdiff_t)whole * nr, w + whole, (size_t)(n - whole));
}

BT_INLINE void pack_run_s8(int n, int columns, const int8_t* w, ptrdiff_t o_stride,
                           ptrdiff_t r_stride, int32_t* sums, int8_t* out, int nr, const int kr) {
  if (o_stride == 1) {
    pack_rows(n, columns, w, r_stride, sums, out, nr, kr);
    return;
  }
  for (int j = 0; j < columns; ++j, w += o_stride) {
    int8_t column[RUN];
    const int8_t* from = w;
    if (r_stride != 1) {
      for (ptrdiff_t r = 0; r < n; ++r) column[r] = w[r * r_stride];
      from = column;
    }
    for (int r = 0; r < n; ++r) sums[j] += from[r];
    pack_column(n, from, out + j * kr, nr, kr);
  }
}

static void pack_run_of(int kr, int n, int columns, const int8_t* w, ptrdiff_t o_stride,
                        ptrdiff_t r_stride, int32_t* sums, int8_t* out, int nr) {
  if (kr == 4)
    pack_run_s8(n, columns, w, o_stride, r_stride, sums, out, nr, 4);
  else if (kr == 2)
    pack_run_s8(n, columns, w, o_stride, r_stride, sums, out, nr, 2);
  else
    pack_run_s8(n, columns, w, o_stride, r_stride, sums, out, nr, 1);
}

size_t bt_pack_s8(const bt_kernels* k, int outputs, int taps, int depth, const int8_t* w,
                  ptrdiff_t o_stride, ptrdiff_t r_stride, const int32_t* bias, int32_t a_zero,
                  void* out) {
  const int nr = k->s8_nr, kr = k->s8_kr;
  const size_t panel = bt_panel_s8(k, taps, depth), bytes = panel * blocks_of(outputs, nr);
  if (!out) return bytes;
  unsigned char* to = out;
  for (int first = 0; first < outputs; first += nr, to += panel) {
    const int columns = least(outputs - first, nr);
    const int8_t* from = w + first * o_stride;
    int8_t* group = (int8_t*)to + (size_t)nr * sizeof(int32_t);
    int32_t sums[BT_NR_MAX] = {0};
    memset(to, 0, panel);
    for (int tap = 0; tap < taps; ++tap)
      for (int d = 0; d < depth; d += RUN) {
        const int n = least(depth - d, RUN);
        pack_run_of(kr, n, columns, from, o_stride, r_stride, sums, group, nr);
        from += n * r_stride;
        group += blocks_of(n, kr) * (size_t)(nr * kr);
      }
    /* Modulo 2^32 like the kernels' own sums: what wraps here wraps back there. */
    uint32_t* start = (uint32_t*)(void*)to;
    for (int j = 0; j < columns; ++j)
      start[j] = (bias ? (uint32_t)bias[first + j] : 0) -
                 (uint32_t)(a_zero + k->s8_bias) * (uint32_t)sums[j];
  }
  return bytes;
}

/* ---- depthwise ---- */

size_t bt_pack_dw_f32(const bt_kernels* k, int channels, int taps, const float* w,
                      const float* bias, float* out) {
  const int nr = k->dw_nr;
  const size_t block = ((size_t)taps + 1) * (size_t)nr;
  const size_t bytes = block * blocks_of(channels, nr) * sizeof(float);
  if (!out) return bytes;
  memset(out, 0, bytes);
  for (int c = 0; c < channels; ++c) {
    float* to = out + (size_t)(c / nr) * block + c % nr;
    if (bias) to[0] = bias[c];
    for (int t = 0; t < taps; ++t) to[(t + 1) * nr] = *w++;
  }
  return bytes;
}

/* The place of a channel in its block; see kernels.h. */
static int place_in_block(int channel, int nr, int kr) {
  const int l = channel / (4 * kr), q = channel / 4 % kr;
  return q * (nr / kr) + 4 * l + channel % 4;
}

/* Where tap t is among those that are multiplied together: of 3 x 3 pairs of a kind (dw_ints.inc),
   or the three of a column and an empty place (dw_columns.inc). */
static int place_of_tap(int t, int taps, int kr) {
  static const int pairs[9] = {0, 2, 4, 1, 3, 5, 6, 7, 9};
  if (taps != 9 || kr == 1) return t;
  return kr == 2 ? pairs[t] : t % 3 * 4 + t / 3;
}

/* Blocks of nr channels, kr taps of one channel side by side; `offset` is taken out of the sums. */
static size_t pack_dw_bytes(int nr, int kr, int channels, int taps, const int8_t* w,
                            const int32_t* bias, int32_t offset, void* out) {
  const size_t starts = (size_t)nr * sizeof(int32_t);
  const size_t block = starts + blocks_of(taps, kr) * (size_t)(nr * kr);
  const size_t bytes = block * blocks_of(channels, nr);
  if (!out) return bytes;
  memset(out, 0, bytes);
  for (int c = 0; c < channels; ++c) {
    const int place = place_in_block(c % nr, nr, kr);
    unsigned char* to = (unsigned char*)out + (size_t)(c / nr) * block;
    int8_t* weights = (int8_t*)to + starts;
    int32_t sum = 0;
    for (int t = 0; t < taps; ++t, ++w) {
      const int at = place_of_tap(t, taps, kr);
      weights[(at / kr * nr + place) * kr + at % kr] = *w;
      sum += *w;
    }
    const uint32_t start = bias ? (uint32_t)bias[c] : 0;
    ((uint32_t*)(void*)to)[place] = start - (uint32_t)offset * (uint32_t)sum;
  }
  return bytes;
}

size_t bt_pack_dw_s8(const bt_kernels* k, int channels, int taps, const int8_t* w,
                     const int32_t* bias, int32_t a_zero, void* out) {
  return pack_dw_bytes(k->dw_s8_nr, k->dw_s8_kr, channels, taps, w, bias, a_zero + k->dw_s8_bias,
                       out);
}

size_t bt_pack_dw_s16(const bt_kernels* k, int channels, int taps, const int8_t* w, void* out) {
  return pack_dw_bytes(k->dw_s16_nr, k->dw_s16_kr, channels, taps, w, NULL, 0, out);
}
