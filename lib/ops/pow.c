/* SPDX-License-Identifier: Apache-2.0
   Pow: y = a^b, broadcast; a and b may have different types, y has that of a.
   - Floats: computed in doubles and rounded once. The squares, cubes and roots of many models are
     taken apart: b = 2 is a * a, b = 3 is a * a * a in doubles, b = 1/2 is the square root.
   - Integers to integers: exact, wrapping around; a negative exponent truncates towards 0.
   - Integers to floats: computed in doubles, then truncated and bounded as Cast does. */
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/math_f64.h"
#include "ops/shared/elementwise.h"

#define BASE_TYPES (BT_TYPES_FLOAT | BT_BIT(BT_I32) | BT_BIT(BT_I64))

/* ---- floats ---- */

static double real_power(double a, double b) {
  if (b == 2) return a * a;
  if (b == 3) return a * a * a;
  if (b == 0.5) return a == -INFINITY ? INFINITY : sqrt(a) + 0.0; /* -0 becomes +0 */
  return bt_pow(a, b);
}

BT_ROW2_MIXED(row_f64, double, double, double, double, double, real_power(a, b))
BT_ROW2_MIXED(wide_f32, float, double, double, double, float, real_power(a, b))
BT_ROW2_MIXED(plain_f32, float, float, double, double, float, real_power(a, b))

/* Float bases; one exponent for a whole row lets the common cases run fast. In a float, a * a is
   what the double product rounds to, and so it is with the square root. */
static void row_f32(const bt_kernels* k, const void* a, const void* b, void* y, int64_t n,
                    int a_step, int b_step) {
  const float* x = a;
  float* to = y;
  const float power = *(const float*)b;
  if (b_step || !a_step || (power != 2.0f && power != 0.5f)) {
    plain_f32(k, a, b, y, n, a_step, b_step);
  } else if (power == 2.0f) {
    k->unary[BT_SQUARE](x, to, (size_t)n);
  } else {
    for (int64_t i = 0; i < n; ++i) to[i] = x[i] == -INFINITY ? INFINITY : sqrtf(x[i]) + 0.0f;
  }
}

/* ---- integers ---- */

static int64_t bounded(double v, int64_t least, int64_t most) {
  if (v != v) return 0;
  return v >= (double)most ? most : v <= (double)least ? least : (int64_t)v;
}

static int64_t whole_power(int64_t a, int64_t b, int64_t least, int64_t most) {
  if (b < 0) return bounded(bt_pow((double)a, (double)b), least, most);
  uint64_t result = 1, square = (uint64_t)a;
  for (; b; b >>= 1, square *= square)
    if (b & 1) result *= square;
  return (int64_t)result;
}

BT_ROW2_MIXED(i32_f64, int32_t, double, double, double, int32_t,
              bounded(real_power(a, b), INT32_MIN, INT32_MAX))
BT_ROW2_MIXED(i64_f64, int64_t, double, double, double, int64_t,
              bounded(real_power(a, b), INT64_MIN, INT64_MAX))
BT_ROW2_MIXED(i32_i64, int32_t, int64_t, int64_t, int64_t, int32_t,
              whole_power(a, b, INT32_MIN, INT32_MAX))
BT_ROW2_MIXED(i64_i64, int64_t, int64_t, int64_t, int64_t, int64_t,
              whole_power(a, b, INT64_MIN, INT64_MAX))

/* ---- all types of exponents ---- */

/* The type in which the rows read exponents: i64 if both are integers, f32 beside f32, else f64. */
static bt_dtype exponent_type(const bt_call* c) {
  const bt_dtype a = c->in[0]->dtype, b = c->in[1]->dtype;
  if (bt_is_int(a) && bt_is_int(b)) return BT_I64;
  return a == BT_F32 && b == BT_F32 ? BT_F32 : BT_F64;
}

/* Exponents above the range of i64: taking multiples of 2^62 away changes nothing, since powers of
   an odd base run in a circle and those of an even one are 0. */
static int64_t whole_exponent(const bt_tensor* b, int64_t k) {
  const int64_t v = bt_get_int(b, k);
  const int64_t far = (int64_t)1 << 62;
  return b->dtype == BT_U64 && v < 0 ? (v & (far - 1)) | far : v;
}

static void read_exponents(const bt_tensor* b, bt_tensor* to) {
  const int64_t n = bt_count(b);
  for (int64_t i = 0; i < n; ++i) {
    if (to->dtype == BT_I64) ((int64_t*)to->data)[i] = whole_exponent(b, i);
    else ((double*)to->data)[i] = bt_get(b, i);
  }
}

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BASE_TYPES));
  BT_TRY(bt_need_type(c, 1, BT_TYPES_NUMBER));
  return bt_infer_broadcast(c, 0, 2, c->in[0]->dtype);
}

static bt_status prepare(bt_call* c) {
  const bt_dtype type = exponent_type(c);
  if (type != c->in[1]->dtype) c->scratch_bytes = (size_t)bt_count(c->in[1]) * bt_dtype_size(type);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* a = c->in[0];
  bt_tensor b = *c->in[1];
  const bt_dtype type = exponent_type(c);
  if (type != b.dtype) {
    b.dtype = type;
    b.data = c->scratch;
    read_exponents(c->in[1], &b);
  }
  const bt_row2_fn row = a->dtype == BT_F32   ? (type == BT_F32 ? row_f32 : wide_f32)
                         : a->dtype == BT_F64 ? row_f64
                         : a->dtype == BT_I32 ? (type == BT_I64 ? i32_i64 : i32_f64)
                                              : (type == BT_I64 ? i64_i64 : i64_f64);
  bt_binary_run(c, a, &b, c->out[0], row);
  return BT_OK;
}

const bt_op bt_op_pow = {
    .name = "Pow", .summary = "a to the power of b, broadcast.", .in_min = 2, .in_max = 2,
    .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .prepare = prepare, .run = run};
