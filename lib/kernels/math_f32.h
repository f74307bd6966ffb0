/* SPDX-License-Identifier: Apache-2.0
   exp, log, tanh, sigmoid, erf and the activations made of them, for floats.

   Use these in every float kernel: libm's versions differ from one C library, and one CPU, to the
   next. Everything here is IEEE addition, multiplication, division, fmaf and bit casts, free of
   branches and tables, so that compilers turn loops over it into vector code that gives the same
   bits as the scalar form. Needs -ffp-contract=off and rounding to nearest.

   NaN goes in and comes out; its sign and payload are not specified. The coefficients are our own
   Remez fits; the error of a fit is given as a power of two, relative to the function. Largest
   errors over all 2^32 inputs, against libm in double precision:

     exp 1.05 ulp   log 0.84 ulp   erf 1.80 ulp
     tanh 2.52 ulp, at most 9.0e-8     sigmoid 2.41 ulp, at most 9.0e-8
     silu 1.5 ulp (x > 0), 3.4 ulp (x < 0)
     gelu 1.25 ulp (x > 0), 1.2e-7 (x < 0)     gelu_tanh 1.92 ulp (x > 0), 6.0e-8 (x < 0) */
#ifndef BANTAM_KERNELS_MATH_F32_H_
#define BANTAM_KERNELS_MATH_F32_H_
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t bt_bits_f32(float x) {
  uint32_t u;
  memcpy(&u, &x, sizeof u);
  return u;
}

static inline float bt_from_bits_f32(uint32_t u) {
  float x;
  memcpy(&x, &u, sizeof x);
  return x;
}

/* The magnitude of `size` (not negative) with the sign of `sign`. */
static inline float bt_copy_sign_f32(float size, float sign) {
  return bt_from_bits_f32(bt_bits_f32(size) | (bt_bits_f32(sign) & 0x80000000u));
}

/* A selection that stays free of branches where gcc makes jumps of nested ?: (a loop with jumps is
   not vectorised). `condition` is 0 or 1. */
static inline float bt_select_f32(int condition, float yes, float no) {
  const uint32_t mask = 0u - (uint32_t)condition;
  return bt_from_bits_f32((bt_bits_f32(yes) & mask) | (bt_bits_f32(no) & ~mask));
}

static inline float bt_abs_f32(float x) { return bt_from_bits_f32(bt_bits_f32(x) & 0x7fffffffu); }

/* min and max as NumPy and ONNX define them: NaN in either operand gives NaN. Of two equal values
   (-0 and +0 too) the second is returned. */
static inline float bt_min_f32(float a, float b) {
  const float least = a < b ? a : b;
  return a != a ? a : least;
}

static inline float bt_max_f32(float a, float b) {
  const float most = a > b ? a : b;
  return a != a ? a : most;
}

/* Lets NaN pass, and -0 where lo is 0. */
static inline float bt_clamp_f32(float x, float lo, float hi) {
  const float raised = x < lo ? lo : x;
  return raised > hi ? hi : raised;
}

/* The same for limits that are constants. There gcc would make jumps of the form above. */
static inline float bt_clamp_fixed_f32(float x, float lo, float hi) {
  const float raised = bt_select_f32(x < lo, lo, x);
  return bt_select_f32(raised > hi, hi, raised);
}

/* Adding 1.5 * 2^23 rounds a float of magnitude below 2^22 to an integer, half to even, and leaves
   that integer in the low bits of the sum. */
#define BT_ROUNDER_F32 12582912.0f

/* x rounded half to even; |x| < 2^22. */
static inline int32_t bt_round_f32(float x) {
  return (int32_t)(bt_bits_f32(x + BT_ROUNDER_F32) - bt_bits_f32(BT_ROUNDER_F32));
}

/* x = n ln2 + r with |r| <= ln2/2 (a little more by rounding). `rounder` is BT_ROUNDER_F32 plus a
   bias; the low bits of `shifted` are n plus that bias. x - n * ln2_hi is exact, so that only one
   rounding reaches r. */
typedef struct bt_reduced_f32 {
  float shifted, r;
} bt_reduced_f32;

static inline bt_reduced_f32 bt_reduce_exp_f32(float x, float rounder) {
  const float log2_e = 0x1.715476p+0f, ln2_hi = 0x1.62e43p-1f, ln2_lo = -0x1.05c61p-29f;
  const float shifted = fmaf(x, log2_e, rounder);
  const float n = shifted - rounder;
  const bt_reduced_f32 reduced = {shifted, fmaf(n, -ln2_lo, fmaf(n, -ln2_hi, x))};
  return reduced;
}

/* e^r - 1 for |r| <= ln2/2: degree 6, fit 2^-26.2. */
static inline float bt_expm1_small_f32(float r) {
  float p = 0x1.6d990cp-10f;
  p = fmaf(p, r, 0x1.1227fep-7f);
  p = fmaf(p, r, 0x1.555486p-5f);
  p = fmaf(p, r, 0x1.5554b0p-3f);
  p = fmaf(p, r, 0x1.000000p-1f);
  return fmaf(r * r, p, r);
}

/* e^x - 1 for |x| <= 80, as 2^n (e^r - 1) + (2^n - 1). */
static inline float bt_expm1_f32(float x) {
  const bt_reduced_f32 reduced = bt_reduce_exp_f32(x, BT_ROUNDER_F32 + 127.0f);
  const float power = bt_from_bits_f32(bt_bits_f32(reduced.shifted) << 23);
  return fmaf(power, bt_expm1_small_f32(reduced.r), power - 1.0f);
}

static inline float bt_expf(float x) {
  /* Outside of this range the result is 0 or inf; inside n lies between -150 and 128. */
  const float bounded = bt_clamp_fixed_f32(x, -104.0f, 89.0f);
  const bt_reduced_f32 reduced = bt_reduce_exp_f32(bounded, BT_ROUNDER_F32 + 254.0f);
  const float y = 1.0f + bt_expm1_small_f32(reduced.r);
  /* 2^n as a product of two powers, neither of which leaves the range of normal numbers. The bits
     above the low ones vanish in the shift by 23. */
  const uint32_t both = bt_bits_f32(reduced.shifted), half = both >> 1;
  return y * bt_from_bits_f32(half << 23) * bt_from_bits_f32((both - half) << 23);
}

/* log(0) = -inf, log of a negative number is NaN. */
static inline float bt_logf(float x) {
  const float ln2_hi = 0x1.62e43p-1f, ln2_lo = -0x1.05c61p-29f;
  const int is_subnormal = x < 0x1p-126f;
  const float normal = x * bt_select_f32(is_subnormal, 0x1p23f, 1.0f);
  /* normal = 2^k (1 + f) with 1 + f in [2/3, 4/3); `scaled` is k * 2^23. */
  const uint32_t scaled = (bt_bits_f32(normal) - 0x3f2aaaabu) & 0xff800000u;
  const float f = bt_from_bits_f32(bt_bits_f32(normal) - scaled) - 1.0f;
  const float k = (float)(int32_t)scaled * 0x1p-23f - bt_select_f32(is_subnormal, 23.0f, 0.0f);
  /* log(1 + f) = f - f^2/2 + f^3 p(f): degree 7, fit 2^-27.6. */
  const float f2 = f * f;
  float p = -0x1.0e2ab2p-3f;
  p = fmaf(p, f, 0x1.1df330p-3f);
  p = fmaf(p, f, -0x1.f03c20p-4f);
  p = fmaf(p, f, 0x1.1ef1a0p-3f);
  p = fmaf(p, f, -0x1.55b7e6p-3f);
  p = fmaf(p, f, 0x1.99ce42p-3f);
  p = fmaf(p, f, -0x1.fffe5ep-3f);
  p = fmaf(p, f, 0x1.55550cp-2f);
  const float tail = fmaf(f2, -0.5f, fmaf(f2 * f, p, k * ln2_lo));
  float y = fmaf(k, ln2_hi, f + tail);
  y = bt_select_f32(x < (float)INFINITY, y, x); /* inf, NaN */
  y = bt_select_f32(x < 0.0f, (float)NAN, y);
  return bt_select_f32(x == 0.0f, -(float)INFINITY, y);
}

static inline float bt_tanhf(float x) {
  const float size = bt_abs_f32(x);
  /* From 10 on the result is 1. */
  const float e = bt_expm1_f32(2.0f * bt_select_f32(size > 10.0f, 10.0f, size));
  return bt_copy_sign_f32(e / (e + 2.0f), x);
}

/* v / (1 + e^-x), without the overflow: v e^x / (1 + e^x) where x is negative. */
static inline float bt_gated_f32(float v, float x) {
  const float e = bt_expf(-bt_abs_f32(x));
  return v * bt_select_f32(x < 0.0f, e, 1.0f) / (1.0f + e);
}

static inline float bt_sigmoidf(float x) { return bt_gated_f32(1.0f, x); }

/* erf(|x|) = 1 - e^(-y) with y = |x| (1 + q(|x|)): q has degree 9, fit 2^-31.2 of erf. */
static inline float bt_erff(float x) {
  const float size = bt_abs_f32(x);
  const float t = bt_select_f32(size > 4.0f, 4.0f, size); /* from 3.92 on the result is 1 */
  float q = 0x1.405256p-20f;
  q = fmaf(q, t, -0x1.6644f0p-16f);
  q = fmaf(q, t, 0x1.5f3b78p-13f);
  q = fmaf(q, t, -0x1.845512p-11f);
  q = fmaf(q, t, 0x1.d7b084p-10f);
  q = fmaf(q, t, -0x1.095a4ap-12f);
  q = fmaf(q, t, -0x1.39396ep-6f);
  q = fmaf(q, t, 0x1.a4f37ep-4f);
  q = fmaf(q, t, 0x1.45f308p-1f);
  q = fmaf(q, t, 0x1.06eba8p-3f);
  const float e = bt_expm1_f32(-fmaf(t, q, t));
  return bt_copy_sign_f32(bt_abs_f32(e), x);
}

/* The activations follow their formulas literally, so that f(-inf) is NaN where the formula
   multiplies inf by 0. */

/* x/2 + x/2 erf(x / sqrt 2) */
static inline float bt_geluf(float x) {
  const float half = 0.5f * x;
  return fmaf(half, bt_erff(x * 0x1.6a09e6p-1f), half);
}

/* x/2 (1 + tanh(u)) with u = sqrt(2/pi) (x + 0.044715 x^3), computed as x sigmoid(2u): equal in
   real numbers, and without the cancellation of 1 + tanh(u). */
static inline float bt_gelu_tanhf(float x) {
  const float twice_u = x * fmaf(x * x, 0x1.2444f2p-4f, 0x1.988454p+0f);
  return bt_gated_f32(x, twice_u);
}

static inline float bt_siluf(float x) { return bt_gated_f32(x, x); }

static inline float bt_hard_swishf(float x) {
  return x * bt_clamp_fixed_f32(fmaf(x, 1.0f / 6.0f, 0.5f), 0.0f, 1.0f);
}
#endif
