/* SPDX-License-Identifier: Apache-2.0
   Row functions of +, -, * for every numeric type, and their choice; the fused clamp; the rule of
   quantized sums. Integers wrap around, as in C's unsigned arithmetic. */
#ifndef BANTAM_OPS_SHARED_ARITHMETIC_H_
#define BANTAM_OPS_SHARED_ARITHMETIC_H_
#include "kernels/kernels.h"
#include "ops/shared/elementwise.h"

/* Defines a row function for each integer type and f64 (prefix_i8, ..., prefix_f64) from an
   expression of a and b; for integers both are widened to uint64_t first. */
#define BT_ARITHMETIC_ROWS(prefix, expression)                                            \
  BT_ROW2_WIDE(prefix##_1, uint8_t, expression)                                           \
  BT_ROW2_WIDE(prefix##_2, uint16_t, expression)                                          \
  BT_ROW2_WIDE(prefix##_4, uint32_t, expression)                                          \
  BT_ROW2_WIDE(prefix##_8, uint64_t, expression)                                          \
  BT_ROW2(prefix##_f64, double, double, expression)

#define BT_ROW2_WIDE(name, T, expression) \
  BT_ROW2_MIXED(name, T, T, uint64_t, uint64_t, T, expression)

/* The one for a type: the low bits of +, -, * do not depend on the sign. */
#define BT_ARITHMETIC_PICK(prefix, f32_row, dtype)                       \
  ((dtype) == BT_F32                  ? (f32_row)                        \
   : (dtype) == BT_F64                ? prefix##_f64                     \
   : bt_dtype_size(dtype) == 1        ? prefix##_1                       \
   : bt_dtype_size(dtype) == 2        ? prefix##_2                       \
   : bt_dtype_size(dtype) == 4        ? prefix##_4                       \
                                      : prefix##_8)

/* A row function over a kernel of the table. With both steps 0 the row has one element. */
#define BT_ROW2_KERNEL(name, which)                                                           \
  static void name(const bt_kernels* k, const void* a, const void* b, void* y, int64_t n,    \
                   int a_step, int b_step) {                                                  \
    k->binary[which](a, b, y, (size_t)n, bt_operand_of(a_step, b_step));                      \
  }

/* The fused clamp of Add, Sub, Mul, Div: attributes `hi` and `lo`, the first two of the schema. */
#define BT_CLAMP_ATTRS                                       \
  {.name = "hi", .kind = BT_FLOAT, .f = INFINITY, .own = 1}, \
  {.name = "lo", .kind = BT_FLOAT, .f = -INFINITY, .own = 1}
enum { BT_CLAMP_HI, BT_CLAMP_LO };
/* The clamp is for f32 (f16, bf16) and quantized i8. */
bt_status bt_need_clamp_type(bt_call* c);
/* Output 0 is the broadcast of two numbers of one type. */
bt_status bt_arithmetic_infer(bt_call* c);
void bt_clamp_output(bt_call* c, float lo, float hi); /* f32 output 0, in place */
/* y = clamp(a op b), where nothing is quantized. */
bt_status bt_arithmetic_run(bt_call* c, bt_row2_fn row);

/* a + b or, with sign -1, a - b of quantized operands (XNNPACK's rule). */
bt_status bt_sum_s8_prepare(bt_call* c, int sign);
void bt_sum_s8_run(bt_call* c);

/* Divisors of integers: fails where input i has a 0 and output 0 is not empty. */
bt_status bt_need_divisor(bt_call* c, int i);

#endif
