/* SPDX-License-Identifier: Apache-2.0
   Trigonometric functions, their inverses, and erf. As in math_f64_exp.c, what matters is carried
   in double-double and rounded once; small corrections are plain double. */
#include "kernels/double_double.h"
#include "kernels/math_f64.h"

static const bt_dd half_pi = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};
static const bt_dd pi = {0x1.921fb54442d18p+1, 0x1.1a62633145c07p-53};

static double sum_of(bt_dd x) { return x.hi + x.lo; }

/* ---- argument reduction: x = r + quadrant pi/2 (mod 2 pi), |r| <= pi/4 ---- */

typedef struct turn {
  int quadrant; /* 0..3 */
  bt_dd r;
} turn;

/* 2/pi: as many bits behind the point as the largest double needs. */
static const uint32_t two_over_pi[] = {
    0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561,
    0xb7246e3a, 0x424dd2e0, 0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484,
    0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4, 0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f,
    0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d, 0x7527bac7, 0xebe5f17b,
    0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab};

enum { REDUCE_WORDS = 8, PRODUCT_WORDS = REDUCE_WORDS + 2 };

/* Payne and Hanek's reduction, for x >= 2^30: x = m 2^e, and of 2/pi only those words are taken
   whose product with m is not a multiple of 4 and reaches 2^-170. */
static turn reduce_large(double x) {
  const uint64_t bits = bt_bits_f64(x);
  const int e = (int)(bits >> 52) - 1075;
  const uint64_t m = (bits & 0xfffffffffffffu) | (uint64_t)1 << 52;
  const uint64_t m_parts[2] = {m & 0xffffffffu, m >> 32};
  const int skipped = e > 2 ? (e - 2) / 32 : 0;

  /* product = m * (words as one integer), least significant word first */
  uint32_t product[PRODUCT_WORDS] = {0};
  for (int i = 0; i < REDUCE_WORDS; ++i) {
    const uint64_t word = two_over_pi[skipped + REDUCE_WORDS - 1 - i];
    uint64_t carry = 0;
    for (int j = 0; j < 2; ++j) {
      const uint64_t sum = word * m_parts[j] + product[i + j] + carry;
      product[i + j] = (uint32_t)sum;
      carry = sum >> 32;
    }
    product[i + 2] = (uint32_t)carry;
  }

  /* Its point lies `point` bits from the right: two bits of quadrant in front of it, and behind it
     the fraction, of which six words are taken. */
  const int point = 32 * (skipped + REDUCE_WORDS) - e;
  uint32_t fraction[7]; /* the quadrant first */
  for (int i = 0; i < 7; ++i) {
    const int at = point - 32 * i, word = at / 32, shift = at % 32;
    const uint64_t high = word + 1 < PRODUCT_WORDS ? product[word + 1] : 0;
    fraction[i] = (uint32_t)((high << 32 | product[word]) >> shift);
  }
  /* To the nearest quadrant: a fraction of a half or more becomes negative. */
  const int is_upper = (int)(fraction[1] >> 31);
  bt_dd turned = dd(is_upper ? -1.0 : 0.0, 0.0);
  for (int i = 1; i < 7; ++i)
    turned = dd_add(turned, dd(bt_scale_f64((double)fraction[i], -32 * i), 0.0));
  const turn t = {(int)((fraction[0] + (uint32_t)is_upper) & 3), dd_mul(turned, half_pi)};
  return t;
}

/* x >= 0, finite. */
static turn reduce(double x) {
  if (x >= 0x1p30) return reduce_large(x);
  /* x - k half_pi.hi is a multiple of 2^-53 below 1, hence exact. The third part of pi/2 counts
     where x comes close to a multiple. */
  const double third = -0x1.f1976b7ed8fbcp-110;
  const double k = bt_round_f64(x * 0x1.45f306dc9c883p-1);
  const bt_dd low = dd_product(k, half_pi.lo);
  bt_dd r = dd_sub(dd(fma(-k, half_pi.hi, x), 0.0), low);
  r = dd_sub(r, dd(k * third, 0.0));
  const turn t = {(int)((int64_t)k & 3), r};
  return t;
}

/* ---- sine and cosine of |r| <= pi/4 ---- */

static bt_dd sine(bt_dd r) {
  /* (sin r - r) / r^3 in powers of r^2: the next term is 2^-70 of r. */
  static const double series[] = {-1.0 / 6,
                                  1.0 / 120,
                                  -1.0 / 5040,
                                  1.0 / 362880,
                                  -1.0 / 39916800,
                                  1.0 / 6227020800,
                                  -1.0 / 1307674368000,
                                  1.0 / 355687428096000,
                                  -1.0 / 121645100408832000};
  const double z = r.hi * r.hi;
  const double cubic = z * r.hi * bt_polynomial(series, 9, z);
  /* r.lo also changes the cubic: the derivative of sin is 1 - r^2/2 + ... */
  return dd_ordered_sum(r.hi, cubic + r.lo * (1.0 - 0.5 * z));
}

static bt_dd cosine(bt_dd r) {
  /* (cos r - 1 + r^2/2) / r^4 in powers of r^2 */
  static const double series[] = {
      1.0 / 24,        -1.0 / 720,         1.0 / 40320,          -1.0 / 3628800,
      1.0 / 479001600, -1.0 / 87178291200, 1.0 / 20922789888000, -1.0 / 6402373705728000};
  const bt_dd z = dd_mul(r, r);
  const double quartic = z.hi * z.hi * bt_polynomial(series, 8, z.hi);
  const bt_dd parabola = dd_sub(dd(1.0, 0.0), dd_scale(z, 0.5));
  return dd_ordered_sum(parabola.hi, parabola.lo + quartic);
}

double bt_sin(double x) {
  const double size = fabs(x);
  if (!(size < INFINITY)) return NAN;
  if (size < 0x1p-27) return x;
  const turn t = reduce(size);
  double y = sum_of(t.quadrant & 1 ? cosine(t.r) : sine(t.r));
  if (t.quadrant & 2) y = -y;
  return x < 0.0 ? -y : y;
}

double bt_cos(double x) {
  const double size = fabs(x);
  if (!(size < INFINITY)) return NAN;
  const turn t = reduce(size);
  const double y = sum_of(t.quadrant & 1 ? sine(t.r) : cosine(t.r));
  return t.quadrant == 1 || t.quadrant == 2 ? -y : y;
}

double bt_tan(double x) {
  const double size = fabs(x);
  if (!(size < INFINITY)) return NAN;
  if (size < 0x1p-27) return x;
  const turn t = reduce(size);
  const bt_dd s = sine(t.r), c = cosine(t.r);
  const double y = sum_of(t.quadrant & 1 ? dd_neg(dd_div(c, s)) : dd_div(s, c));
  return x < 0.0 ? -y : y;
}

/* ---- inverse functions ---- */

/* The angle of the point (x, y) with 0 <= y <= x, x > 0: atan(i/8) for the i nearest to 8 y/x, and
   the small angle that is left, by its series. */
static bt_dd angle_to_eighth(bt_dd y, bt_dd x) {
  static const bt_dd atan_eighths[] = {{0.0, 0.0},
                                       {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59},
                                       {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57},
                                       {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56},
                                       {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56},
                                       {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58},
                                       {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56},
                                       {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56},
                                       {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55}};
  /* (atan t - t) / t^3 in powers of t^2, |t| <= 1/16: the next term is 2^-68 of t. */
  static const double series[] = {-1.0 / 3,  1.0 / 5,  -1.0 / 7, 1.0 / 9,
                                  -1.0 / 11, 1.0 / 13, -1.0 / 15};
  const double i = bt_round_f64(8.0 * y.hi / x.hi);
  const bt_dd c = dd(0.125 * i, 0.0);
  const bt_dd t = dd_div(dd_sub(y, dd_mul(c, x)), dd_add(x, dd_mul(c, y)));
  const double z = t.hi * t.hi;
  const double cubic = z * t.hi * bt_polynomial(series, 7, z);
  return dd_add(atan_eighths[(int)i], dd_add(t, dd(cubic, 0.0)));
}

/* The angle of (x, y) in the first quadrant, not both 0. */
static bt_dd angle(bt_dd y, bt_dd x) {
  if (y.hi <= x.hi) return angle_to_eighth(y, x);
  return dd_sub(half_pi, angle_to_eighth(x, y));
}

double bt_atan(double x) {
  const double size = fabs(x);
  if (!(size >= 0x1p-27)) return x;
  double y = half_pi.hi; /* from 2^60 on, and for inf */
  if (size < 0x1p60) y = sum_of(angle(dd(size, 0.0), dd(1.0, 0.0)));
  return x < 0.0 ? -y : y;
}

/* The cosine that belongs to a sine, |x| <= 1. */
static bt_dd other_leg(double x) { return dd_sqrt(dd_sub(dd(1.0, 0.0), dd_product(x, x))); }

double bt_asin(double x) {
  const double size = fabs(x);
  if (!(size >= 0x1p-27)) return x;
  if (size > 1.0) return NAN;
  const double y = sum_of(angle(dd(size, 0.0), other_leg(size)));
  return x < 0.0 ? -y : y;
}

double bt_acos(double x) {
  const double size = fabs(x);
  if (!(size <= 1.0)) return NAN;
  const bt_dd y = angle(other_leg(size), dd(size, 0.0));
  return sum_of(x < 0.0 ? dd_sub(pi, y) : y);
}

/* The angle of (x, y), both finite and positive. */
static bt_dd angle_of_any_size(double y, double x) {
  const int y_power = (int)(bt_bits_f64(y) >> 52), x_power = (int)(bt_bits_f64(x) >> 52);
  if (y_power - x_power > 64) return half_pi;
  if (x_power - y_power > 64) return dd(y / x, 0.0);
  /* To the middle of the range, so that no product leaves it. */
  const double a = bt_scale_f64(y, 1023 - x_power), b = bt_scale_f64(x, 1023 - x_power);
  return angle(dd(a, 0.0), dd(b, 0.0));
}

double bt_atan2(double y, double x) {
  if (x != x || y != y) return NAN;
  const double a = fabs(y), b = fabs(x);
  bt_dd r;
  if (a == 0.0 || (b == INFINITY && a < INFINITY))
    r = dd(0.0, 0.0);
  else if (b == 0.0 || (a == INFINITY && b < INFINITY))
    r = half_pi;
  else if (a == INFINITY)
    r = dd_scale(half_pi, 0.5);
  else
    r = angle_of_any_size(a, b);
  const double size = sum_of(signbit(x) ? dd_sub(pi, r) : r);
  return signbit(y) ? -size : size;
}

/* ---- error function ---- */

/* erf and its slope at i/2 */
static const struct {
  bt_dd value, slope;
} erf_nodes[] = {
    {{0.0, 0.0}, {0x1.20dd750429b6dp+0, 0x1.1ae3a914fed80p-56}},
    {{0x1.0a7ef5c18edd2p-1, 0x1.5e809f1a31a28p-56}, {0x1.c1efca49a5011p-1, 0x1.4c081d7f49500p-55}},
    {{0x1.af767a741088bp-1, -0x1.c97f778122797p-56},
     {0x1.a911f096fbc26p-2, -0x1.086a09f735b33p-56}},
    {{0x1.eea5557137ae0p-1, -0x1.385e445f2c96dp-55},
     {0x1.e723726b824a9p-4, -0x1.2203197eea764p-59}},
    {{0x1.fd9ae142795e3p-1, 0x1.972801904b9a3p-56}, {0x1.529b9e8cf9a1ep-6, 0x1.b47becf12c4e4p-61}},
    {{0x1.ffcaa8f4c9beap-1, 0x1.b0cee160116f9p-55}, {0x1.1d83170fbf6fbp-9, 0x1.ea3671efbb74ap-63}},
    {{0x1.fffd1ac4135f9p-1, 0x1.eeafa1ecd6cefp-55},
     {0x1.2408e9ba3327fp-13, -0x1.7e1d81587040cp-67}},
    {{0x1.ffffe710d565ep-1, 0x1.c9ea52d76dc04p-55},
     {0x1.6a597219a93dap-18, -0x1.cbf8fbc2cd5cdp-72}},
    {{0x1.ffffff7b91176p-1, 0x1.0b2865615db40p-56},
     {0x1.10b1488aeb235p-23, -0x1.cd75b4828c0c0p-81}},
    {{0x1.fffffffe4fa30p-1, 0x1.d166bcb681c7bp-57},
     {0x1.f1e3523b41d7dp-30, -0x1.7303536c50b37p-84}},
    {{0x1.fffffffffc9e8p-1, -0x1.a759f7738935fp-56},
     {0x1.13af4f04f9998p-36, -0x1.0532e647cd418p-90}},
    {{0x1.fffffffffffbep-1, -0x1.182b326b228dcp-55},
     {0x1.7258610b3b233p-44, -0x1.60bc7761ca394p-101}},
    {{1.0, -0x1.8cf81557d20b6p-56}, {0x1.2dc119095729fp-52, -0x1.1566d13fe4564p-106}},
};

/* Taylor's series around c = i/2, the nearest to x:
     erf(c + h) = erf(c) + 2/sqrt(pi) e^(-c^2) (h + b1 h^2/2 + b2 h^3/3 + ...)
   with b0 = 1, b1 = -2c, b[n+1] = -2 (c b[n] + b[n-1]) / (n + 1), which is Hermite's recurrence.
   |h| <= 1/4: 24 terms reach 2^-70. */
double bt_erf(double x) {
  const double size = fabs(x);
  if (!(size > 0.0)) return x;
  double y = 1.0;
  if (size < 6.0) {
    const double i = bt_round_f64(2.0 * size), c = 0.5 * i, h = size - c;
    double before = 1.0, b = -2.0 * c, power = h, series = 0.0; /* without its first term, h */
    for (int n = 1; n < 24; ++n) {
      power *= h;
      series += b * power / (n + 1);
      const double next = -2.0 * (c * b + before) / (n + 1);
      before = b;
      b = next;
    }
    const bt_dd rise = dd_mul(erf_nodes[(int)i].slope, dd_sum(h, series));
    y = sum_of(dd_add(erf_nodes[(int)i].value, rise));
  }
  return x < 0.0 ? -y : y;
}
