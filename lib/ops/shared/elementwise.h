/* SPDX-License-Identifier: Apache-2.0
   Operators that work element by element: the frames of their three functions. An operator file
   supplies the arithmetic of one row and its schema. */
#ifndef BANTAM_OPS_SHARED_ELEMENTWISE_H_
#define BANTAM_OPS_SHARED_ELEMENTWISE_H_
#include "kernels/kernels.h"
#include "runtime/op.h"
#include "runtime/shape.h"

/* Input i, where it is given, is a scalar, or a vector of one element. `what` names it. */
bt_status bt_need_one_element(bt_call* c, int i, const char* what);
/* y = x, which has the same type and shape, and may lie at the same place. */
void bt_copy_values(bt_tensor* y, const bt_tensor* x);

/* ---- one operand ---- */

/* y[i] = f(x[i]) for a row of floats; attributes are in c->attr. */
typedef void (*bt_row_fn)(const bt_call* c, const float* x, float* y, size_t n);
/* The same for one double. */
typedef double (*bt_one_fn)(const bt_call* c, double x);

/* Output 0 is like input 0, whose type must be in the set. i8 is allowed besides where the value is
   quantized (a table of 256 entries is made). */
bt_status bt_unary_infer(bt_call* c, uint32_t types);
/* For quantized operands fills the table; nothing to do for floats. */
bt_status bt_unary_prepare(bt_call* c, bt_row_fn row);
/* f32 by `row`, f64 by `one` (may be NULL where f64 is not in the type set), i8 by the table. */
bt_status bt_unary_run(bt_call* c, bt_row_fn row, bt_one_fn one);

/* Operators without a fast row: (float)one((double)x), element by element. */
bt_status bt_unary_double(bt_call* c, bt_one_fn one);

/* The table of a quantized input 0 and output 0: entry q + 128 is what the stored q becomes. */
void bt_quant_table(const bt_call* c, bt_row_fn row, int8_t table[256]);

/* ---- one operand of any type ---- */

/* y[i] = f(x[i]) for n elements of the operator's own types. */
typedef void (*bt_map_fn)(const bt_call* c, const void* x, void* y, int64_t n);
/* Input 0 to output 0, whatever their types. */
bt_status bt_map_run(bt_call* c, bt_map_fn row);
/* bt_unary_run for operators that take integers besides: `integers` has a row for each of those
   types and NULL for the others. */
bt_status bt_number_run(bt_call* c, const bt_map_fn integers[BT_DTYPE_COUNT], bt_row_fn row,
                        bt_one_fn one);

/* Defines a bt_map_fn from an expression of the element `v`, which is read as a T, widened to W
   before; the result is cast to R. */
#define BT_MAP(name, T, W, R, expression)                                         \
  static void name(const bt_call* c, const void* px, void* py, int64_t n) {       \
    const T* x = px;                                                              \
    R* y = py;                                                                    \
    (void)c;                                                                      \
    for (int64_t i = 0; i < n; ++i) {                                             \
      const W v = (W)x[i];                                                        \
      y[i] = (R)(expression);                                                     \
    }                                                                             \
  }
/* One for each signed type (prefix_i8, ..., v is an int64_t) or unsigned one (v is a uint64_t). */
#define BT_MAP_SIGNED(prefix, expression)                  \
  BT_MAP(prefix##_i8, int8_t, int64_t, int8_t, expression) \
  BT_MAP(prefix##_i16, int16_t, int64_t, int16_t, expression) \
  BT_MAP(prefix##_i32, int32_t, int64_t, int32_t, expression) \
  BT_MAP(prefix##_i64, int64_t, int64_t, int64_t, expression)
#define BT_MAP_UNSIGNED(prefix, expression)                     \
  BT_MAP(prefix##_u8, uint8_t, uint64_t, uint8_t, expression)   \
  BT_MAP(prefix##_u16, uint16_t, uint64_t, uint16_t, expression) \
  BT_MAP(prefix##_u32, uint32_t, uint64_t, uint32_t, expression) \
  BT_MAP(prefix##_u64, uint64_t, uint64_t, uint64_t, expression)
/* Entries of a table of rows by type. */
#define BT_OF_SIGNED(prefix) \
  [BT_I8] = prefix##_i8, [BT_I16] = prefix##_i16, [BT_I32] = prefix##_i32, [BT_I64] = prefix##_i64
#define BT_OF_UNSIGNED(prefix) \
  [BT_U8] = prefix##_u8, [BT_U16] = prefix##_u16, [BT_U32] = prefix##_u32, [BT_U64] = prefix##_u64

/* ---- two operands, broadcast ---- */

/* y[i] = f(a[i * a_step], b[i * b_step]); steps are 0 or 1; elements have the operator's types. */
typedef void (*bt_row2_fn)(const bt_kernels* k, const void* a, const void* b, void* y, int64_t n,
                           int a_step, int b_step);
static inline bt_operand bt_operand_of(int a_step, int b_step) {
  return a_step && b_step ? BT_BOTH : a_step ? BT_B_ONE : BT_A_ONE;
}
/* y = a op b, broadcast to the shape of y; types and lengths of elements may all differ. */
void bt_binary_run(bt_call* c, const bt_tensor* a, const bt_tensor* b, bt_tensor* y,
                   bt_row2_fn row);
/* y = a op b for quantized inputs 0 and 1, broadcast into output 0; `plan` is c->plan. */
typedef void (*bt_row2_s8_fn)(const bt_kernels* k, const void* plan, const int8_t* a,
                              const int8_t* b, int8_t* y, size_t n, bt_operand one);
void bt_binary_s8_run(bt_call* c, bt_row2_s8_fn row);
/* Output 0 is the broadcast of inputs 0 and 1, which have the same type out of the set. */
bt_status bt_binary_infer(bt_call* c, uint32_t types, bt_dtype result /* BT_NONE: theirs */);

/* Defines a row function from an expression of a and b, which are read as A and B and widened to W
   and V before; the result is cast to R. */
#define BT_ROW2_MIXED(name, A, B, W, V, R, expression)                                       \
  static void name(const bt_kernels* k, const void* pa, const void* pb, void* py, int64_t n, \
                   int a_step, int b_step) {                                                 \
    const A* x = pa;                                                                         \
    const B* z = pb;                                                                         \
    R* y = py;                                                                               \
    (void)k;                                                                                 \
    for (int64_t i = 0; i < n; ++i) {                                                        \
      const W a = (W)x[i * a_step];                                                          \
      const V b = (V)z[i * b_step];                                                          \
      y[i] = (R)(expression);                                                                \
    }                                                                                        \
  }
/* One of operands of type T. */
#define BT_ROW2(name, T, R, expression) BT_ROW2_MIXED(name, T, T, T, T, R, expression)
/* One for each signed type (prefix_i8, ..., a and b are int64_t), or unsigned one (uint64_t). */
#define BT_ROWS2_SIGNED(prefix, expression)                                             \
  BT_ROW2_MIXED(prefix##_i8, int8_t, int8_t, int64_t, int64_t, int8_t, expression)      \
  BT_ROW2_MIXED(prefix##_i16, int16_t, int16_t, int64_t, int64_t, int16_t, expression)  \
  BT_ROW2_MIXED(prefix##_i32, int32_t, int32_t, int64_t, int64_t, int32_t, expression)  \
  BT_ROW2_MIXED(prefix##_i64, int64_t, int64_t, int64_t, int64_t, int64_t, expression)
#define BT_ROWS2_UNSIGNED(prefix, expression)                                                \
  BT_ROW2_MIXED(prefix##_u8, uint8_t, uint8_t, uint64_t, uint64_t, uint8_t, expression)      \
  BT_ROW2_MIXED(prefix##_u16, uint16_t, uint16_t, uint64_t, uint64_t, uint16_t, expression)  \
  BT_ROW2_MIXED(prefix##_u32, uint32_t, uint32_t, uint64_t, uint64_t, uint32_t, expression)  \
  BT_ROW2_MIXED(prefix##_u64, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, expression)

/* One for each type of BT_TYPES_NUMBER but halves (which became f32), with results of type R. */
#define BT_ROWS2_TO(prefix, R, expression)        \
  BT_ROW2(prefix##_f32, float, R, expression)     \
  BT_ROW2(prefix##_f64, double, R, expression)    \
  BT_ROW2(prefix##_i8, int8_t, R, expression)     \
  BT_ROW2(prefix##_i16, int16_t, R, expression)   \
  BT_ROW2(prefix##_i32, int32_t, R, expression)   \
  BT_ROW2(prefix##_i64, int64_t, R, expression)   \
  BT_ROW2(prefix##_u8, uint8_t, R, expression)    \
  BT_ROW2(prefix##_u16, uint16_t, R, expression)  \
  BT_ROW2(prefix##_u32, uint32_t, R, expression)  \
  BT_ROW2(prefix##_u64, uint64_t, R, expression)
#define BT_OF_NUMBER(prefix) \
  [BT_F32] = prefix##_f32, [BT_F64] = prefix##_f64, BT_OF_SIGNED(prefix), BT_OF_UNSIGNED(prefix)

/* ---- more operands ---- */

/* Output 0 is the broadcast of all inputs, none of them missing, all of one type of the set. */
bt_status bt_variadic_infer(bt_call* c, uint32_t types);
/* Output 0 = x0 op x1 op ... for one or more inputs of the same type (Sum, Max, ...). Output 0 must
   not lie where an input from 2 on does: no BT_OP_INPLACE. */
bt_status bt_variadic_run(bt_call* c, bt_row2_fn row);
/* The same for other tensors in place of c->in. */
bt_status bt_variadic_run_on(bt_call* c, const bt_tensor* const* in, bt_row2_fn row);

#endif
