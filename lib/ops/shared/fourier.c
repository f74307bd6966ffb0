/* SPDX-License-Identifier: Apache-2.0
   Discrete Fourier transforms. */
#include "ops/shared/fourier.h"

#include <string.h>

#include "kernels/math_f64.h"
#include "runtime/shape.h"

#define LENGTH_MAX ((int64_t)1 << 40)

static int is_power_of_two(int64_t n) { return (n & (n - 1)) == 0; }

static int64_t size_of(int64_t n) {
  int64_t size = 1;
  const int64_t least = is_power_of_two(n) ? n : 2 * n - 1;
  while (size < least) size *= 2;
  return size;
}

int64_t bt_fourier_table(int64_t n) {
  if (n > LENGTH_MAX) return INT64_MAX;
  const int64_t size = size_of(n);
  return is_power_of_two(n) ? size : size + 2 * n + 2 * size;
}

int64_t bt_fourier_room(int64_t n) { return n > LENGTH_MAX ? INT64_MAX : 2 * size_of(n); }

/* a *= b, where b is conjugated if `conjugate` is -1. */
static void multiply(double* a, const double* b, double conjugate) {
  const double re = b[0], im = b[1] * conjugate, x = a[0] * re - a[1] * im;
  a[1] = a[0] * im + a[1] * re;
  a[0] = x;
}

static void swap_pair(double* a, double* b) {
  for (int i = 0; i < 2; ++i) {
    const double kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

/* Cooley and Tukey 1965, after the elements were put in the order of their reversed bits. */
static void radix_2(const double* turns, int64_t size, double* v, int inverse) {
  const double conjugate = inverse ? -1.0 : 1.0;
  for (int64_t i = 1, j = 0; i < size; ++i) {
    int64_t bit = size / 2;
    for (; j & bit; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) swap_pair(v + 2 * i, v + 2 * j);
  }
  for (int64_t half = 1; half < size; half *= 2) {
    const int64_t step = size / 2 / half;
    for (int64_t start = 0; start < size; start += 2 * half)
      for (int64_t k = 0; k < half; ++k) {
        double *a = v + 2 * (start + k), *b = a + 2 * half;
        multiply(b, turns + 2 * k * step, conjugate);
        const double re = b[0], im = b[1];
        b[0] = a[0] - re;
        b[1] = a[1] - im;
        a[0] += re;
        a[1] += im;
      }
  }
}

static void turn(double* to, double share) { /* of a whole turn, clockwise */
  const double angle = 6.283185307179586 * share;
  to[0] = bt_cos(angle);
  to[1] = -bt_sin(angle);
}

void bt_fourier_begin(bt_fourier* f, int64_t n, double* table) {
  const int64_t size = size_of(n);
  *f = (bt_fourier){.n = n, .size = size, .turns = table};
  for (int64_t k = 0; k < size / 2; ++k) turn(table + 2 * k, (double)k / (double)size);
  if (is_power_of_two(n)) return;
  double *chirp = table + size, *filter = chirp + 2 * n;
  memset(filter, 0, (size_t)(2 * size) * sizeof *filter);
  uint64_t square = 0; /* k^2 modulo 2n, so that angles stay small */
  for (int64_t k = 0; k < n; ++k) {
    turn(chirp + 2 * k, (double)square / (double)(2 * n));
    for (int side = 0; side < 2; ++side) {
      double* to = filter + 2 * (side ? (size - k) % size : k);
      to[0] = chirp[2 * k];
      to[1] = -chirp[2 * k + 1];
    }
    square = (square + 2 * (uint64_t)k + 1) % (2 * (uint64_t)n);
  }
  radix_2(table, size, filter, 0);
  f->chirp = chirp;
  f->filter = filter;
}

/* Bluestein 1970: with kj = (k^2 + j^2 - (k - j)^2) / 2 the transform is a convolution. */
static void chirp_transform(const bt_fourier* f, double* v, double conjugate) {
  for (int64_t k = 0; k < f->n; ++k) {
    v[2 * k + 1] *= conjugate;
    multiply(v + 2 * k, f->chirp + 2 * k, 1.0);
  }
  memset(v + 2 * f->n, 0, (size_t)(2 * (f->size - f->n)) * sizeof *v);
  radix_2(f->turns, f->size, v, 0);
  for (int64_t k = 0; k < f->size; ++k) multiply(v + 2 * k, f->filter + 2 * k, 1.0);
  radix_2(f->turns, f->size, v, 1);
  const double share = 1.0 / (double)f->size; /* exact */
  for (int64_t k = 0; k < f->n; ++k) {
    multiply(v + 2 * k, f->chirp + 2 * k, 1.0);
    v[2 * k] *= share;
    v[2 * k + 1] *= share * conjugate;
  }
}

void bt_fourier_run(const bt_fourier* f, double* room, int inverse) {
  if (f->chirp) chirp_transform(f, room, inverse ? -1.0 : 1.0);
  else radix_2(f->turns, f->size, room, inverse);
}
