/* SPDX-License-Identifier: Apache-2.0
   Element types. The numbers are those of ONNX's TensorProto.DataType, so that a file, a message
   and the importer speak of the same thing.

   In memory every element takes whole bytes: 4- and 2-bit integers and 4-bit floats lie one to a
   byte while a model runs (packing is the business of file formats). */
#ifndef BANTAM_RUNTIME_DTYPE_H_
#define BANTAM_RUNTIME_DTYPE_H_
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum bt_dtype {
  BT_NONE = 0,
  BT_F32 = 1,
  BT_U8 = 2,
  BT_I8 = 3,
  BT_U16 = 4,
  BT_I16 = 5,
  BT_I32 = 6,
  BT_I64 = 7,
  BT_STRING = 8,
  BT_BOOL = 9,
  BT_F16 = 10,
  BT_F64 = 11,
  BT_U32 = 12,
  BT_U64 = 13,
  BT_C64 = 14,
  BT_C128 = 15,
  BT_BF16 = 16,
  BT_F8E4M3FN = 17,
  BT_F8E4M3FNUZ = 18,
  BT_F8E5M2 = 19,
  BT_F8E5M2FNUZ = 20,
  BT_U4 = 21,
  BT_I4 = 22,
  BT_F4E2M1 = 23,
  BT_F8E8M0 = 24,
  BT_U2 = 25,
  BT_I2 = 26,
  BT_DTYPE_COUNT = 27
} bt_dtype;

/* Sets of types, for checks: bit d stands for type d. */
#define BT_BIT(d) (1u << (d))
#define BT_TYPES_HALF (BT_BIT(BT_F16) | BT_BIT(BT_BF16))
#define BT_TYPES_FLOAT (BT_BIT(BT_F32) | BT_BIT(BT_F64) | BT_TYPES_HALF)
#define BT_TYPES_SIGNED (BT_BIT(BT_I8) | BT_BIT(BT_I16) | BT_BIT(BT_I32) | BT_BIT(BT_I64))
#define BT_TYPES_UNSIGNED (BT_BIT(BT_U8) | BT_BIT(BT_U16) | BT_BIT(BT_U32) | BT_BIT(BT_U64))
#define BT_TYPES_INT (BT_TYPES_SIGNED | BT_TYPES_UNSIGNED)
#define BT_TYPES_INDEX (BT_BIT(BT_I32) | BT_BIT(BT_I64))
#define BT_TYPES_NUMBER (BT_TYPES_FLOAT | BT_TYPES_INT)
#define BT_TYPES_SMALL_INT (BT_BIT(BT_U4) | BT_BIT(BT_I4) | BT_BIT(BT_U2) | BT_BIT(BT_I2))
#define BT_TYPES_TINY_FLOAT                                                               \
  (BT_BIT(BT_F8E4M3FN) | BT_BIT(BT_F8E4M3FNUZ) | BT_BIT(BT_F8E5M2) | BT_BIT(BT_F8E5M2FNUZ) | \
   BT_BIT(BT_F4E2M1) | BT_BIT(BT_F8E8M0))
/* Everything that the executor can hold: all but strings and complex numbers. */
#define BT_TYPES_ANY                                                                      \
  (BT_TYPES_NUMBER | BT_BIT(BT_BOOL) | BT_TYPES_SMALL_INT | BT_TYPES_TINY_FLOAT)

/* Bytes of one element in memory; 0 for what has no fixed size (strings, BT_NONE, unknown numbers). */
size_t bt_dtype_size(bt_dtype t);
/* Bits of one element in a packed file: 4 and 2 for the small types, else 8 * bt_dtype_size. */
int bt_dtype_bits(bt_dtype t);
/* "f32", "i8", ...; "?" for an unknown number. */
const char* bt_dtype_name(bt_dtype t);
/* Smallest and largest value of an integer type (BOOL counts as 0..1); 0 for other types. */
int64_t bt_dtype_min(bt_dtype t);
int64_t bt_dtype_max(bt_dtype t); /* U64 gives INT64_MAX: use bt_dtype_size for such tests */

static inline int bt_is_type(bt_dtype t, uint32_t set) { return (int)((set >> (unsigned)t) & 1u); }
static inline int bt_is_float(bt_dtype t) { return bt_is_type(t, BT_TYPES_FLOAT); }
static inline int bt_is_half(bt_dtype t) { return bt_is_type(t, BT_TYPES_HALF); }
static inline int bt_is_int(bt_dtype t) { return bt_is_type(t, BT_TYPES_INT | BT_TYPES_SMALL_INT); }

/* Narrow floats, exact both ways where the value fits. Narrowing rounds to nearest even; it gives
   infinity (or, where the type has none, NaN) on overflow, and saturates instead where `saturate`. */
float bt_from_f16(uint16_t h);
float bt_from_bf16(uint16_t h);
uint16_t bt_to_f16(float f);
uint16_t bt_to_bf16(float f);
float bt_from_tiny(bt_dtype t, uint8_t bits); /* any of BT_TYPES_TINY_FLOAT */
uint8_t bt_to_tiny(bt_dtype t, float f, int saturate);

#ifdef __cplusplus
}
#endif
#endif
