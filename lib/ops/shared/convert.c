/* SPDX-License-Identifier: Apache-2.0
   Conversion of tensors. Elements pass in blocks through int64 or double, so that there is one
   reader and one writer for each type instead of one loop for each pair. */
#include "ops/shared/convert.h"

#include <math.h>
#include <string.h>

#include "ops/shared/elementwise.h"

#define BLOCK 256

typedef struct job {
  const bt_tensor* x;
  bt_tensor* y;
  int saturate;
  bt_round_mode round;
} job;

/* ---- readers ---- */

#define READ(T, target)                                           \
  {                                                               \
    const T* from = (const T*)x->data + at;                       \
    for (int i = 0; i < n; ++i) v[i] = (target)from[i];           \
    break;                                                        \
  }

static void read_ints(const bt_tensor* x, int64_t at, int n, int64_t* v) {
  switch (x->dtype) {
    case BT_I64:
    case BT_U64: READ(int64_t, int64_t)
    case BT_I32: READ(int32_t, int64_t)
    case BT_U32: READ(uint32_t, int64_t)
    case BT_I16: READ(int16_t, int64_t)
    case BT_U16: READ(uint16_t, int64_t)
    case BT_BOOL:
      for (int i = 0; i < n; ++i) v[i] = ((const uint8_t*)x->data)[at + i] != 0;
      break;
    case BT_I8:
    case BT_I4:
    case BT_I2: READ(int8_t, int64_t)
    default: READ(uint8_t, int64_t)
  }
}

static void read_floats(const bt_tensor* x, int64_t at, int n, double* v) {
  switch (x->dtype) {
    case BT_F32: READ(float, double)
    case BT_F64: READ(double, double)
    case BT_F16:
      for (int i = 0; i < n; ++i) v[i] = (double)bt_from_f16(((const uint16_t*)x->data)[at + i]);
      break;
    case BT_BF16:
      for (int i = 0; i < n; ++i) v[i] = (double)bt_from_bf16(((const uint16_t*)x->data)[at + i]);
      break;
    default:
      for (int i = 0; i < n; ++i)
        v[i] = (double)bt_from_tiny(x->dtype, ((const uint8_t*)x->data)[at + i]);
  }
}

/* An integer of up to 64 bits as a double that rounds to any narrower float as the integer itself
   would: bits that do not fit are not rounded but leave a 1 in the last place (round to odd). */
static double odd_double(int64_t v, int is_unsigned) {
  const int negative = v < 0 && !is_unsigned;
  uint64_t size = negative ? 0 - (uint64_t)v : (uint64_t)v;
  if (size >> 53) size = (size >> 11 | ((size & 0x7FF) != 0)) << 11;
  return negative ? -(double)size : (double)size;
}

static void ints_to_doubles(const job* j, int n, const int64_t* v, double* to) {
  const int is_unsigned = j->x->dtype == BT_U64;
  if (j->y->dtype != BT_F64)
    for (int i = 0; i < n; ++i) to[i] = odd_double(v[i], is_unsigned);
  else if (is_unsigned)
    for (int i = 0; i < n; ++i) to[i] = (double)(uint64_t)v[i];
  else
    for (int i = 0; i < n; ++i) to[i] = (double)v[i];
}

/* ---- writers ---- */

#define WRITE(T, expression)                                       \
  {                                                                \
    T* to = (T*)y->data + at;                                      \
    for (int i = 0; i < n; ++i) to[i] = (T)(expression);           \
    break;                                                         \
  }

static void write_ints(bt_tensor* y, int64_t at, int n, const int64_t* v) {
  switch (y->dtype) {
    case BT_I64:
    case BT_U64: WRITE(int64_t, v[i])
    case BT_I32:
    case BT_U32: WRITE(uint32_t, v[i])
    case BT_I16:
    case BT_U16: WRITE(uint16_t, v[i])
    case BT_BOOL: WRITE(uint8_t, v[i] != 0)
    case BT_I4: WRITE(int8_t, ((v[i] & 15) ^ 8) - 8)
    case BT_U4: WRITE(uint8_t, v[i] & 15)
    case BT_I2: WRITE(int8_t, ((v[i] & 3) ^ 2) - 2)
    case BT_U2: WRITE(uint8_t, v[i] & 3)
    default: WRITE(uint8_t, v[i])
  }
}

/* The same trick for a double on its way through float to a still narrower type. */
static float odd_float(double v) {
  float f = (float)v;
  if ((double)f == v || v != v) return f;
  uint32_t bits;
  memcpy(&bits, &f, sizeof bits);
  if (fabs((double)f) > fabs(v)) --bits; /* back to the float nearer to 0; from inf, too */
  bits |= 1;
  memcpy(&f, &bits, sizeof f);
  return f;
}

static uint8_t to_e8m0(double v, int saturate, bt_round_mode round) {
  const uint8_t nan = 0xFF, largest = 0xFE;
  if (v != v || v < 0) return nan;
  if (v == 0) return saturate ? 0 : nan;
  if (isinf(v)) return saturate ? largest : nan;
  int exponent = 0;
  const double m = frexp(v, &exponent); /* v = 2m * 2^(exponent - 1), 1 <= 2m < 2 */
  int code = exponent - 1 + 127;
  if (round == BT_ROUND_UP) code += m > 0.5;
  if (round == BT_ROUND_NEAREST) code += m >= 0.75;
  if (code < 0) return saturate ? 0 : nan;
  return code <= largest ? (uint8_t)code : saturate ? largest : nan;
}

static void write_floats(const job* j, int64_t at, int n, const double* v) {
  const bt_tensor* y = j->y;
  switch (y->dtype) {
    case BT_F32: WRITE(float, v[i])
    case BT_F64: WRITE(double, v[i])
    case BT_F16: WRITE(uint16_t, bt_to_f16(odd_float(v[i])))
    case BT_BF16: WRITE(uint16_t, bt_to_bf16(odd_float(v[i])))
    case BT_F8E8M0: WRITE(uint8_t, to_e8m0(v[i], j->saturate, j->round))
    default: WRITE(uint8_t, bt_to_tiny(y->dtype, odd_float(v[i]), j->saturate))
  }
}

/* Floats to integers: truncated, and bounded by the type. */
static void doubles_to_ints(const bt_tensor* y, int n, const double* v, int64_t* to) {
  if (y->dtype == BT_BOOL) {
    for (int i = 0; i < n; ++i) to[i] = v[i] != 0;
    return;
  }
  if (y->dtype == BT_U64) {
    for (int i = 0; i < n; ++i)
      to[i] = v[i] >= 0x1p64 ? -1 : v[i] > 0 ? (int64_t)(uint64_t)v[i] : 0;
    return;
  }
  const int64_t least = bt_dtype_min(y->dtype), most = bt_dtype_max(y->dtype);
  const double lo = (double)least, hi = (double)most; /* the largest i64 becomes 2^63 */
  for (int i = 0; i < n; ++i)
    to[i] = v[i] >= hi ? most : v[i] > lo ? (int64_t)v[i] : v[i] <= lo ? least : 0;
}

/* ---- all ---- */

static void convert_part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const int from_int = bt_is_int(j->x->dtype) || j->x->dtype == BT_BOOL;
  const int to_int = bt_is_int(j->y->dtype) || j->y->dtype == BT_BOOL;
  int64_t whole[BLOCK];
  double real[BLOCK];
  (void)thread;
  for (int64_t at = begin; at < end; at += BLOCK) {
    const int n = end - at < BLOCK ? (int)(end - at) : BLOCK;
    if (from_int) read_ints(j->x, at, n, whole);
    else read_floats(j->x, at, n, real);
    if (from_int && !to_int) ints_to_doubles(j, n, whole, real);
    if (!from_int && to_int) doubles_to_ints(j->y, n, real, whole);
    if (to_int) write_ints(j->y, at, n, whole);
    else write_floats(j, at, n, real);
  }
}

void bt_convert(bt_call* c, const bt_tensor* x, bt_tensor* y, int saturate, bt_round_mode round) {
  job j = {.x = x, .y = y, .saturate = saturate, .round = round};
  if (x->dtype == y->dtype && x->dtype != BT_BOOL) bt_copy_values(y, x);
  else bt_parallel(c, bt_count(x), 16384, convert_part, &j);
}

bt_status bt_cast_infer(bt_call* c, bt_dtype to) {
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ANY));
  if (to == BT_STRING || to == BT_C64 || to == BT_C128)
    return bt_fail(c, BT_UNSUPPORTED, "a cast to %s is not supported; numbers and bools are",
                   bt_dtype_name(to));
  bt_set_shape(c->out[0], to, c->in[0]->rank, c->in[0]->dims);
  return BT_OK;
}

bt_status bt_cast_run(bt_call* c) {
  bt_convert(c, c->in[0], c->out[0], c->attr[BT_CAST_SATURATE].i != 0,
             (bt_round_mode)c->attr[BT_CAST_ROUND].i);
  return BT_OK;
}
