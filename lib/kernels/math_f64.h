/* SPDX-License-Identifier: Apache-2.0
   Elementary functions of doubles, with the same bits on every machine.

   For values that need no speed: constants made at load or by the tool, and operators so rare that
   they have no float kernel (computed as (float)bt_sin((double)x)). A call takes 60 to 400
   nanoseconds. Float rows use math_f32.h.

   Special cases are those of C11 Annex F; the sign and payload of a NaN are not specified, and no
   errno and no exception flags are promised. Largest errors in samples of some million
   arguments, against libm in long double: tan 0.92 ulp, erf 0.86, sin and cos 0.79, pow and exp
   0.75 (where the result is subnormal), the others 0.57. Only IEEE operations, fma and bit casts
   are used; needs -ffp-contract=off and rounding to nearest. */
#ifndef BANTAM_KERNELS_MATH_F64_H_
#define BANTAM_KERNELS_MATH_F64_H_

#ifdef __cplusplus
extern "C" {
#endif

double bt_exp(double x);
double bt_expm1(double x);
double bt_log(double x);
double bt_log1p(double x);
double bt_pow(double x, double y);

double bt_sinh(double x);
double bt_cosh(double x);
double bt_tanh(double x);
double bt_asinh(double x);
double bt_acosh(double x);
double bt_atanh(double x);

/* Arguments of any size are reduced exactly. */
double bt_sin(double x);
double bt_cos(double x);
double bt_tan(double x);
double bt_asin(double x);
double bt_acos(double x);
double bt_atan(double x);
double bt_atan2(double y, double x);

double bt_erf(double x);

#ifdef __cplusplus
}
#endif
#endif
