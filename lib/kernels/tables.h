/* SPDX-License-Identifier: Apache-2.0
   How the tables of kernels.h are put together; for the files of lib/kernels only.

   Each file <part>_<isa>.c has one install function that overwrites the entries which it improves.
   select.c calls them in the order of recipes from plain to fast. The build defines BT_HAVE_<ISA>
   where the compiler takes the flags of that suffix and so the files exist; code for an
   instruction set appears nowhere else. */
#ifndef BANTAM_KERNELS_TABLES_H_
#define BANTAM_KERNELS_TABLES_H_
#include "kernels/kernels.h"
#include "kernels/math_f32.h"

#if defined(__GNUC__) /* and clang */
#define BT_INLINE static inline __attribute__((always_inline))
#else
#define BT_INLINE static inline
#endif

/* A loop of fixed length over an array of vectors. The array becomes registers only where the loop
   is unrolled, and early: left alone, gcc and clang keep the sums of a tile in memory, at a quarter
   of the speed. */
#if defined(__clang__)
#define BT_EACH(i, n) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); ++i)
#elif defined(__GNUC__)
#define BT_EACH(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); ++i)
#else
#define BT_EACH(i, n) for (int i = 0; i < (n); ++i)
#endif

/* Asks for the lines of one row of `bytes` weights, of those that are read soon. */
#if defined(__GNUC__)
#define BT_FETCH(soon, bytes)                                         \
  do {                                                                \
    BT_EACH(line, ((int)(bytes) + 63) / 64)                           \
      __builtin_prefetch((const void*)((soon).at + 64u * (unsigned)line)); \
    (soon).at += (uintptr_t)(soon).step;                              \
  } while (0)
#else
#define BT_FETCH(soon, bytes) (void)(soon)
#endif

/* The clamp comes before the conversion: a large scale may have made the product infinite. */
static inline int8_t bt_requantize(int32_t sum, float scale, int32_t zero, int32_t lo, int32_t hi) {
  const float f = bt_clamp_f32((float)sum * scale, (float)(lo - zero), (float)(hi - zero));
  return (int8_t)(bt_round_f32(f) + zero);
}

/* Hands the sums of a tile, rows of nr, to the table's finish. */
static inline void bt_finish_tile(const bt_tile_s8* t, const int32_t* sums, int nr) {
  const bt_finish f = {.store = t->store, .low = sums, .high = t->planes == 2 ? sums + nr : NULL,
                       .sum_stride = (ptrdiff_t)nr * t->planes, .start = t->start,
                       .scale = t->scale, .zero = t->zero, .lo = t->lo, .hi = t->hi, .y = t->c,
                       .y_stride = t->c_stride};
  t->finish(&f, t->rows / t->planes, t->cols);
}

/* The same for n channels of a depthwise run from `first` on: a row of nr sums for each pixel. */
static inline void bt_finish_channels(const bt_dw_s16* d, const int32_t* sums, int nr,
                                      ptrdiff_t first, int n) {
  bt_finish f = d->finish;
  f.low = sums;
  f.high = NULL;
  f.sum_stride = nr;
  f.scale += first;
  if (f.start) f.start += first;
  f.y = (unsigned char*)f.y + (size_t)first * bt_store_bytes(f.store);
  d->rows(&f, d->pixels, n);
}

void bt_install_products_scalar(bt_kernels* k);
void bt_install_rows_scalar(bt_kernels* k);
void bt_install_products_avx2(bt_kernels* k);
void bt_install_rows_avx2(bt_kernels* k);
void bt_install_products_avxvnni(bt_kernels* k);
void bt_install_products_avx512(bt_kernels* k);
void bt_install_rows_avx512(bt_kernels* k);
void bt_install_products_avx512vnni(bt_kernels* k);
void bt_install_products_neon(bt_kernels* k);
void bt_install_rows_neon(bt_kernels* k);
void bt_install_products_neondot(bt_kernels* k);

#endif
