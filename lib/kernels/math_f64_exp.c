/* SPDX-License-Identifier: Apache-2.0
   exp, log and what follows from them: powers and hyperbolic functions.

   Two cores work in double-double, with series terms that no longer matter in plain double: e^x - 1
   and log(1 + f), good to about 2^-59 and 2^-65 of the result. Everything else is exact algebra in
   double-double and one rounding. */
#include "kernels/double_double.h"
#include "kernels/math_f64.h"

static const bt_dd ln2 = {0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56};

/* e^x = 2^power (1 + rest), |rest| < 0.42 */
typedef struct exp_parts {
  int power;
  bt_dd rest;
} exp_parts;

/* |x| <= 800 */
static exp_parts exp_core(bt_dd x) {
  /* Taylor's series of e^r behind r + r^2/2; at |r| = 0.347 the next term is 2^-67 of r. */
  static const double series[] = {
      1.0 / 6,          1.0 / 24,          1.0 / 120,          1.0 / 720,      1.0 / 5040,
      1.0 / 40320,      1.0 / 362880,      1.0 / 3628800,      1.0 / 39916800, 1.0 / 479001600,
      1.0 / 6227020800, 1.0 / 87178291200, 1.0 / 1307674368000};
  const double k = bt_round_f64(x.hi * 0x1.71547652b82fep+0);
  /* x.hi - k ln2.hi is a multiple of 2^-54 below 1/2, hence exact. */
  bt_dd r = dd_sum(fma(-k, ln2.hi, x.hi), x.lo);
  r = dd_sub(r, dd_product(k, ln2.lo));
  const bt_dd square = dd_mul(r, r);
  const double tail = square.hi * r.hi * bt_polynomial(series, 13, r.hi);
  const bt_dd rest = dd_add(r, dd_add(dd_scale(square, 0.5), dd(tail, 0.0)));
  const exp_parts parts = {(int)k, rest};
  return parts;
}

/* e^x - 1, |x| <= 700. */
static bt_dd expm1_core(bt_dd x) {
  const exp_parts e = exp_core(x);
  const double power = bt_power_of_two_f64(e.power);
  return dd_add(dd_sum(power, -1.0), dd_scale(e.rest, power));
}

/* 2^n e^x with one rounding (two where the result is subnormal); |x| <= 800. */
static double exp_scaled(bt_dd x, int n) {
  const exp_parts e = exp_core(x);
  const bt_dd y = dd_add(dd(1.0, 0.0), e.rest);
  return bt_scale_f64(y.hi + y.lo, e.power + n);
}

/* k ln2 + log(1 + f) with 1 + f in about [0.70, 1.42], as 2 artanh(f / (2 + f)). The error is
   relative to the result where k = 0, too. */
static bt_dd log_core(int k, bt_dd f) {
  /* artanh(s)/s = 1 + z/3 + z^2 (1/5 + z/7 + ...), z = s^2 <= 0.0295: the next term is 2^-71. */
  static const double series[] = {1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11, 1.0 / 13, 1.0 / 15,
                                  1.0 / 17, 1.0 / 19, 1.0 / 21, 1.0 / 23, 1.0 / 25};
  static const bt_dd third = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
  const bt_dd s = dd_div(f, dd_add(dd(2.0, 0.0), f));
  const bt_dd z = dd_mul(s, s);
  const double tail = z.hi * z.hi * bt_polynomial(series, 11, z.hi);
  const bt_dd factor = dd_add(dd_mul(z, third), dd(tail, 0.0));
  const bt_dd log_m = dd_scale(dd_add(s, dd_mul(s, factor)), 2.0);
  const bt_dd log_power = dd_add(dd_product(k, ln2.hi), dd_product(k, ln2.lo));
  return dd_add(log_power, log_m);
}

/* Log of a positive finite number; x.lo may be 0. */
static bt_dd log_of(bt_dd x) {
  int k = 0;
  if (x.hi < 0x1p-1022) {
    x = dd_scale(x, 0x1p54);
    k = -54;
  }
  /* 0x3fe6a09e...: the bits of sqrt(1/2), so that m = x / 2^k lies in [sqrt(1/2), sqrt(2)). */
  const uint64_t bits = bt_bits_f64(x.hi);
  const int power = (int)((bits - 0x3fe6a09e667f3bcdu + ((uint64_t)2000 << 52)) >> 52) - 2000;
  const double m = bt_from_bits_f64(bits - ((uint64_t)(int64_t)power << 52));
  return log_core(k + power, dd_sum(m - 1.0, bt_scale_f64(x.lo, -power)));
}

/* log(1 + u) for u > -1, relative to the result for small u, too. */
static bt_dd log1p_of(bt_dd u) {
  if (u.hi > -0.29 && u.hi < 0.41) return log_core(0, u);
  return log_of(dd_add(dd(1.0, 0.0), u));
}

static double sum_of(bt_dd x) { return x.hi + x.lo; }

/* ---- exponential and logarithm ---- */

double bt_exp(double x) {
  if (x != x) return x;
  if (x > 709.79) return INFINITY;
  if (x < -745.14) return 0.0;
  return exp_scaled(dd(x, 0.0), 0);
}

double bt_expm1(double x) {
  if (x != x || fabs(x) < 0x1p-54) return x; /* -0 and subnormal numbers stay as they are */
  if (x > 709.79) return INFINITY;
  if (x > 50.0) return exp_scaled(dd(x, 0.0), 0);
  if (x < -50.0) return -1.0;
  return sum_of(expm1_core(dd(x, 0.0)));
}

double bt_log(double x) {
  if (x != x || x == INFINITY) return x;
  if (x == 0.0) return -INFINITY;
  if (x < 0.0) return NAN;
  return sum_of(log_of(dd(x, 0.0)));
}

double bt_log1p(double x) {
  if (x != x || x == INFINITY || fabs(x) < 0x1p-54) return x;
  if (x == -1.0) return -INFINITY;
  if (x < -1.0) return NAN;
  return sum_of(log1p_of(dd(x, 0.0)));
}

/* ---- powers ---- */

/* 0: not an integer, 1: an odd one, 2: an even one. Finite y. */
static int parity(double y) {
  const double size = fabs(y);
  if (size >= 0x1p53) return 2;
  const int64_t whole = (int64_t)size;
  if ((double)whole != size) return 0;
  return whole & 1 ? 1 : 2;
}

/* x is 0 or inf. */
static double power_of_limit(double x, double y) {
  const int grows = (x == 0.0) == (y < 0.0);
  const double size = grows ? INFINITY : 0.0;
  const int is_negative = signbit(x) && fabs(y) < INFINITY && parity(y) == 1;
  return is_negative ? -size : size;
}

double bt_pow(double x, double y) {
  if (y == 0.0 || x == 1.0) return 1.0; /* also for NaN */
  if (x != x || y != y) return NAN;
  if (x == 0.0 || fabs(x) == INFINITY) return power_of_limit(x, y);
  const double size = fabs(x);
  if (fabs(y) == INFINITY) {
    if (size == 1.0) return 1.0;
    return (size > 1.0) == (y > 0.0) ? INFINITY : 0.0;
  }
  const int kind = parity(y);
  if (x < 0.0 && kind == 0) return NAN;
  const double sign = x < 0.0 && kind == 1 ? -1.0 : 1.0;
  const bt_dd log_x = log_of(dd(size, 0.0));
  const double exponent = y * log_x.hi;
  if (exponent > 710.0) return sign * INFINITY;
  if (exponent < -746.0) return sign * 0.0;
  return sign * exp_scaled(dd_mul(dd(y, 0.0), log_x), 0);
}

/* ---- hyperbolic functions ---- */

/* From here on e^-x no longer reaches the last bit of e^x + e^-x. */
static const double large = 40.0;

double bt_sinh(double x) {
  const double size = fabs(x);
  if (!(size >= 0x1p-28)) return x; /* NaN, and where x^3 / 6 is below half an ulp */
  double y = INFINITY;
  if (size <= large) {
    const bt_dd t = expm1_core(dd(size, 0.0)); /* sinh x = (t + t / (t + 1)) / 2 */
    y = 0.5 * sum_of(dd_add(t, dd_div(t, dd_add(t, dd(1.0, 0.0)))));
  } else if (size < 711.0) {
    y = exp_scaled(dd(size, 0.0), -1);
  }
  return x < 0.0 ? -y : y;
}

double bt_cosh(double x) {
  const double size = fabs(x);
  if (size != size) return x;
  if (size >= 711.0) return INFINITY;
  if (size > large) return exp_scaled(dd(size, 0.0), -1);
  const bt_dd e = dd_add(expm1_core(dd(size, 0.0)), dd(1.0, 0.0));
  return 0.5 * sum_of(dd_add(e, dd_div(dd(1.0, 0.0), e)));
}

double bt_tanh(double x) {
  const double size = fabs(x);
  if (!(size >= 0x1p-28)) return x;
  double y = 1.0;
  if (size < 20.0) {
    const bt_dd t = expm1_core(dd(2.0 * size, 0.0));
    y = sum_of(dd_div(t, dd_add(t, dd(2.0, 0.0))));
  }
  return x < 0.0 ? -y : y;
}

double bt_asinh(double x) {
  const double size = fabs(x);
  if (!(size >= 0x1p-28) || size == INFINITY) return x;
  double y;
  if (size > 0x1p40) { /* log(2x); 1 / (4 x^2) no longer counts */
    y = sum_of(dd_add(log_of(dd(size, 0.0)), ln2));
  } else { /* log1p(x + x^2 / (1 + sqrt(1 + x^2))) */
    const bt_dd square = dd_product(size, size);
    const bt_dd one = dd(1.0, 0.0), root = dd_sqrt(dd_add(one, square));
    y = sum_of(log1p_of(dd_add(dd(size, 0.0), dd_div(square, dd_add(one, root)))));
  }
  return x < 0.0 ? -y : y;
}

double bt_acosh(double x) {
  if (x != x || x == INFINITY) return x;
  if (x < 1.0) return NAN;
  if (x > 0x1p40) return sum_of(dd_add(log_of(dd(x, 0.0)), ln2));
  const bt_dd above = dd(x - 1.0, 0.0); /* exact for x >= 1 */
  const bt_dd root = dd_sqrt(dd_mul(above, dd_sum(x, 1.0)));
  return sum_of(log1p_of(dd_add(above, root)));
}

double bt_atanh(double x) {
  const double size = fabs(x);
  if (!(size >= 0x1p-28)) return x;
  if (size > 1.0) return NAN;
  if (size == 1.0) return x < 0.0 ? -INFINITY : INFINITY;
  /* log((1 + x) / (1 - x)) / 2 = log1p(2x / (1 - x)) / 2 */
  const bt_dd ratio = dd_div(dd(2.0 * size, 0.0), dd_sum(1.0, -size));
  const double y = 0.5 * sum_of(log1p_of(ratio));
  return x < 0.0 ? -y : y;
}
