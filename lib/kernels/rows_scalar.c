/* SPDX-License-Identifier: Apache-2.0
   The scalar table's rows. Where the baseline CPU has no fused multiply-add (x86-64) they are
   compiled twice: a call of fmaf for each step is slow, the instruction gives the same bits. */
#include "kernels/tables.h"

#define ROWS(name) name##_plain
#define ROWS_TARGET
#include "kernels/rows_f32.inc"
#include "kernels/rows_s8.inc"
#include "kernels/rows_s16.inc"
#undef ROWS
#undef ROWS_TARGET

static void row_sqrt(const float* x, float* y, size_t n) {
  for (size_t i = 0; i < n; ++i) y[i] = sqrtf(x[i]);
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__FMA__)

#define ROWS(name) name##_fma
#define ROWS_TARGET __attribute__((target("fma")))
#include "kernels/rows_f32.inc"

static void fill_rows(bt_kernels* k) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("fma"))
    fill_rows_f32_fma(k);
  else
    fill_rows_f32_plain(k);
}

#else

static void fill_rows(bt_kernels* k) { fill_rows_f32_plain(k); }

#endif

void bt_install_rows_scalar(bt_kernels* k) {
  fill_rows(k);
  fill_rows_s8_plain(k);
  fill_rows_s16_plain(k);
  k->unary[BT_SQRT] = row_sqrt;
}
