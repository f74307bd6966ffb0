/* SPDX-License-Identifier: Apache-2.0
   How the tables of kernels.h are put together; for the files of lib/kernels only.

   Each file <part>_<isa>.c has one install function that overwrites the entries which it improves.
   select.c calls them in the order of recipes from plain to fast. The build defines BT_HAVE_<ISA>
   where the compiler takes the flags of that suffix and so the files exist; code for an
   instruction set appears nowhere else. */
#ifndef BANTAM_KERNELS_TABLES_H_
#define BANTAM_KERNELS_TABLES_H_
#include "kernels/kernels.h"

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

/* Asks for what lies a page behind p: the CPU fetches ahead by itself, but stops at the end of each
   page, and a panel of weights has many. An address only, which may lie behind the last panel. */
#if defined(__GNUC__)
#define BT_FETCH_AHEAD(p) __builtin_prefetch((const void*)((uintptr_t)(p) + 4096))
#else
#define BT_FETCH_AHEAD(p) (void)(p)
#endif

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
