/* SPDX-License-Identifier: Apache-2.0
   Discrete Fourier transforms of any length, in doubles: radix 2 for powers of two, else
   Bluestein's way through convolutions of such a length. Both take O(n log n). */
#ifndef BANTAM_OPS_SHARED_FOURIER_H_
#define BANTAM_OPS_SHARED_FOURIER_H_
#include "runtime/op.h"

/* Tables for one length. Complex numbers lie as pairs (real, imaginary). */
typedef struct bt_fourier {
  int64_t n, size;      /* size: the power of two that is computed with, n or at least 2n - 1 */
  const double* turns;  /* e^(-2 pi i k / size) for k < size / 2 */
  const double* chirp;  /* e^(-pi i k^2 / n) for k < n; not for powers of two */
  const double* filter; /* the transform of the chirp's conjugate */
} bt_fourier;

/* Doubles of the tables, and of the room that one transform works in; INT64_MAX if too many. */
int64_t bt_fourier_table(int64_t n);
int64_t bt_fourier_room(int64_t n);
void bt_fourier_begin(bt_fourier* f, int64_t n, double* table);
/* Transforms the n pairs at the start of `room`, in place. The inverse is not divided by n. */
void bt_fourier_run(const bt_fourier* f, double* room, int inverse);

#endif
