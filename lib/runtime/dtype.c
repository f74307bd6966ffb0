/* SPDX-License-Identifier: Apache-2.0
   Element types: names, sizes, and the conversions of narrow floats. */
#include "runtime/dtype.h"

#include <math.h>
#include <string.h>

static const struct {
  const char* name;
  uint8_t bytes, bits;
} kTypes[BT_DTYPE_COUNT] = {
    [BT_NONE] = {"none", 0, 0},       [BT_F32] = {"f32", 4, 32},
    [BT_U8] = {"u8", 1, 8},           [BT_I8] = {"i8", 1, 8},
    [BT_U16] = {"u16", 2, 16},        [BT_I16] = {"i16", 2, 16},
    [BT_I32] = {"i32", 4, 32},        [BT_I64] = {"i64", 8, 64},
    [BT_STRING] = {"string", 0, 0},   [BT_BOOL] = {"bool", 1, 8},
    [BT_F16] = {"f16", 2, 16},        [BT_F64] = {"f64", 8, 64},
    [BT_U32] = {"u32", 4, 32},        [BT_U64] = {"u64", 8, 64},
    [BT_C64] = {"complex64", 8, 64},  [BT_C128] = {"complex128", 16, 128},
    [BT_BF16] = {"bf16", 2, 16},      [BT_F8E4M3FN] = {"f8e4m3fn", 1, 8},
    [BT_F8E4M3FNUZ] = {"f8e4m3fnuz", 1, 8}, [BT_F8E5M2] = {"f8e5m2", 1, 8},
    [BT_F8E5M2FNUZ] = {"f8e5m2fnuz", 1, 8}, [BT_U4] = {"u4", 1, 4},
    [BT_I4] = {"i4", 1, 4},           [BT_F4E2M1] = {"f4e2m1", 1, 4},
    [BT_F8E8M0] = {"f8e8m0", 1, 8},   [BT_U2] = {"u2", 1, 2},
    [BT_I2] = {"i2", 1, 2},
};

size_t bt_dtype_size(bt_dtype t) { return (unsigned)t < BT_DTYPE_COUNT ? kTypes[t].bytes : 0; }
int bt_dtype_bits(bt_dtype t) { return (unsigned)t < BT_DTYPE_COUNT ? kTypes[t].bits : 0; }
const char* bt_dtype_name(bt_dtype t) {
  return (unsigned)t < BT_DTYPE_COUNT ? kTypes[t].name : "?";
}

int64_t bt_dtype_min(bt_dtype t) {
  switch (t) {
    case BT_I2: return -2;
    case BT_I4: return -8;
    case BT_I8: return INT8_MIN;
    case BT_I16: return INT16_MIN;
    case BT_I32: return INT32_MIN;
    case BT_I64: return INT64_MIN;
    default: return 0;
  }
}

int64_t bt_dtype_max(bt_dtype t) {
  switch (t) {
    case BT_BOOL: return 1;
    case BT_U2: return 3;
    case BT_I2: return 1;
    case BT_U4: return 15;
    case BT_I4: return 7;
    case BT_I8: return INT8_MAX;
    case BT_U8: return UINT8_MAX;
    case BT_I16: return INT16_MAX;
    case BT_U16: return UINT16_MAX;
    case BT_I32: return INT32_MAX;
    case BT_U32: return UINT32_MAX;
    case BT_I64:
    case BT_U64: return INT64_MAX;
    default: return 0;
  }
}

static float from_bits(uint32_t u) {
  float f;
  memcpy(&f, &u, sizeof f);
  return f;
}
static uint32_t to_bits(float f) {
  uint32_t u;
  memcpy(&u, &f, sizeof u);
  return u;
}

float bt_from_bf16(uint16_t h) { return from_bits((uint32_t)h << 16); }

uint16_t bt_to_bf16(float f) {
  uint32_t u = to_bits(f);
  if (f != f) return (uint16_t)((u >> 16) | 0x40u); /* stays a NaN, and a quiet one */
  return (uint16_t)((u + 0x7FFFu + ((u >> 16) & 1u)) >> 16);
}

/* A small binary float: 1 sign bit, `exp` exponent bits, `man` fraction bits. `fn`: all ones in the
   exponent are ordinary numbers (only the last code is NaN); `uz`: no negative zero, 0x80 is NaN. */
typedef struct tiny_format {
  uint8_t exp, man, bias, fn, uz;
} tiny_format;

static tiny_format tiny(bt_dtype t) {
  switch (t) {
    case BT_F8E4M3FN: return (tiny_format){4, 3, 7, 1, 0};
    case BT_F8E4M3FNUZ: return (tiny_format){4, 3, 8, 1, 1};
    case BT_F8E5M2: return (tiny_format){5, 2, 15, 0, 0};
    case BT_F8E5M2FNUZ: return (tiny_format){5, 2, 16, 1, 1};
    default: return (tiny_format){2, 1, 1, 2, 0}; /* F4E2M1: every code is a number */
  }
}

static float widen(tiny_format f, uint32_t bits) {
  const uint32_t man_mask = (1u << f.man) - 1u, exp_mask = (1u << f.exp) - 1u;
  const uint32_t sign = (bits >> (f.exp + f.man)) & 1u, e = (bits >> f.man) & exp_mask, m = bits & man_mask;
  if (f.uz && sign && e == 0 && m == 0) return NAN;
  if (f.fn == 1 && !f.uz && e == exp_mask && m == man_mask) return sign ? -NAN : NAN;
  if (f.fn == 0 && e == exp_mask) return m ? NAN : (sign ? -INFINITY : INFINITY);
  const float magnitude = e == 0 ? ldexpf((float)m, 1 - f.bias - f.man)
                                 : ldexpf((float)(m | (1u << f.man)), (int)e - f.bias - f.man);
  return sign ? -magnitude : magnitude;
}

static uint32_t narrow(tiny_format f, float x, int saturate) {
  const uint32_t man_mask = (1u << f.man) - 1u, exp_mask = (1u << f.exp) - 1u;
  const uint32_t sign = to_bits(x) >> 31, top = sign << (f.exp + f.man);
  const uint32_t nan = f.uz ? 1u << (f.exp + f.man) : top | (exp_mask << f.man) | man_mask;
  /* the largest finite code, then what stands above it */
  uint32_t largest = (exp_mask << f.man) | man_mask;
  if (f.fn == 0) largest = ((exp_mask - 1u) << f.man) | man_mask;
  if (f.fn == 1 && !f.uz) largest -= 1u;
  const uint32_t overflow =
      saturate || f.fn == 2 ? top | largest : (f.fn == 0 ? top | (exp_mask << f.man) : nan);
  if (x != x) return f.fn == 2 ? largest : nan; /* F4E2M1 has no NaN */
  if (isinf(x)) return overflow;
  /* x = q * 2^(e - man) with q in [2^man, 2^(man+1)), or below that for subnormal codes */
  int e = 0;
  const float magnitude = fabsf(x);
  frexpf(magnitude, &e);
  e -= 1;
  if (e < 1 - f.bias) e = 1 - f.bias;
  const float q = nearbyintf(ldexpf(magnitude, f.man - e)); /* exact scaling, one rounding */
  uint32_t code = (uint32_t)q;
  if (code >= (1u << f.man)) code += (uint32_t)(e + f.bias - 1) << f.man;
  if (code > largest) return overflow;
  return (f.uz && code == 0) ? 0 : top | code;
}

float bt_from_f16(uint16_t h) {
  const uint32_t sign = (uint32_t)(h & 0x8000u) << 16, rest = h & 0x7FFFu;
  if (rest >= 0x7C00u) return from_bits(sign | 0x7F800000u | (rest << 13));
  /* the fields move up, and one exact multiplication repairs the bias (subnormals too) */
  return from_bits(sign | to_bits(from_bits(rest << 13) * 0x1p112f));
}

/* Works on the bits, unlike narrow(): models in halves do this for every result. */
uint16_t bt_to_f16(float f) {
  const uint32_t bits = to_bits(f), sign = (bits >> 16) & 0x8000u;
  uint32_t size = bits & 0x7FFFFFFFu;
  if (size > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
  if (size >= 0x47800000u) return (uint16_t)(sign | 0x7C00u); /* from 2^16 on */
  if (size < 0x38800000u) { /* below 2^-14: beside 1/2 the last bit of a float is that of a half */
    return (uint16_t)(sign | (to_bits(from_bits(size) + 0.5f) - to_bits(0.5f)));
  }
  size += 0xFFFu + ((size >> 13) & 1u); /* half to even; what runs over becomes infinity */
  return (uint16_t)(sign | ((size - (112u << 23)) >> 13));
}

float bt_from_tiny(bt_dtype t, uint8_t bits) {
  if (t == BT_F8E8M0) return bits == 0xFF ? NAN : ldexpf(1.0f, (int)bits - 127);
  return widen(tiny(t), bits);
}

uint8_t bt_to_tiny(bt_dtype t, float f, int saturate) {
  if (t == BT_F8E8M0) { /* a power of two; the nearest one, ties upwards */
    if (f == 0 && saturate) return 0;
    if (f != f || f <= 0) return 0xFF;
    if (isinf(f)) return saturate ? 0xFE : 0xFF;
    int e = 0;
    const float m = frexpf(f, &e); /* in [0.5, 1) */
    const int code = e - 1 + (m >= 0.75f) + 127;
    return (uint8_t)(code < 0 ? 0 : code > 254 ? 254 : code);
  }
  return (uint8_t)narrow(tiny(t), f, saturate);
}
