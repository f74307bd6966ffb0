/* SPDX-License-Identifier: Apache-2.0
   Numbers of about 106 bits as the unevaluated sum of two doubles, for math_f64_*.c only.

   Every function returns hi + lo with |lo| at most half an ulp of hi. Results are good to about
   2^-103 relative, where nothing overflows and the lower part does not underflow. */
#ifndef BANTAM_KERNELS_DOUBLE_DOUBLE_H_
#define BANTAM_KERNELS_DOUBLE_DOUBLE_H_
#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct bt_dd {
  double hi, lo;
} bt_dd;

static inline bt_dd dd(double hi, double lo) {
  const bt_dd r = {hi, lo};
  return r;
}

/* a + b exactly (Dekker), where |a| >= |b| or a is 0. */
static inline bt_dd dd_ordered_sum(double a, double b) {
  const double s = a + b;
  return dd(s, b - (s - a));
}

/* a + b exactly (Knuth). */
static inline bt_dd dd_sum(double a, double b) {
  const double s = a + b, b_part = s - a;
  return dd(s, (a - (s - b_part)) + (b - b_part));
}

/* a * b exactly. */
static inline bt_dd dd_product(double a, double b) {
  const double p = a * b;
  return dd(p, fma(a, b, -p));
}

static inline bt_dd dd_neg(bt_dd a) { return dd(-a.hi, -a.lo); }

static inline bt_dd dd_add(bt_dd a, bt_dd b) {
  const bt_dd s = dd_sum(a.hi, b.hi), t = dd_sum(a.lo, b.lo);
  const bt_dd u = dd_ordered_sum(s.hi, s.lo + t.hi);
  return dd_ordered_sum(u.hi, u.lo + t.lo);
}

static inline bt_dd dd_sub(bt_dd a, bt_dd b) { return dd_add(a, dd_neg(b)); }

static inline bt_dd dd_mul(bt_dd a, bt_dd b) {
  const bt_dd p = dd_product(a.hi, b.hi);
  return dd_ordered_sum(p.hi, p.lo + fma(a.hi, b.lo, a.lo * b.hi));
}

/* Exact for a power of two. */
static inline bt_dd dd_scale(bt_dd a, double factor) { return dd(a.hi * factor, a.lo * factor); }

static inline bt_dd dd_div(bt_dd a, bt_dd b) {
  const double q = a.hi / b.hi;
  const bt_dd rest = dd_sub(a, dd_mul(b, dd(q, 0.0)));
  return dd_ordered_sum(q, (rest.hi + rest.lo) / b.hi);
}

/* a >= 0 */
static inline bt_dd dd_sqrt(bt_dd a) {
  if (!(a.hi > 0.0)) return dd(0.0, 0.0);
  const double root = sqrt(a.hi);
  const bt_dd rest = dd_sub(a, dd_product(root, root));
  return dd_ordered_sum(root, (rest.hi + rest.lo) / (2.0 * root));
}

/* ---- the bits of a double ---- */

static inline uint64_t bt_bits_f64(double x) {
  uint64_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static inline double bt_from_bits_f64(uint64_t u) {
  double x;
  memcpy(&x, &u, sizeof x);
  return x;
}

/* 2^n for -1022 <= n <= 1023. */
static inline double bt_power_of_two_f64(int n) {
  return bt_from_bits_f64((uint64_t)(n + 1023) << 52);
}

/* x * 2^n for |n| <= 2000, with one rounding where x is near 1. Overflows to inf, underflows to
   subnormal numbers and 0. */
static inline double bt_scale_f64(double x, int n) {
  const int half = n / 2;
  return x * bt_power_of_two_f64(half) * bt_power_of_two_f64(n - half);
}

/* Half to even, |x| < 2^51. */
static inline double bt_round_f64(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

/* c[0] + c[1] z + ... + c[n - 1] z^(n-1) */
static inline double bt_polynomial(const double* c, int n, double z) {
  double sum = c[n - 1];
  for (int i = n - 2; i >= 0; --i) sum = fma(sum, z, c[i]);
  return sum;
}

#endif
