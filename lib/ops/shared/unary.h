/* SPDX-License-Identifier: Apache-2.0
   Functions of one float, written as expressions. An operator file says what the function is for
   doubles (BT_ONE) and for rows of floats (one of the BT_ROW... macros), then

     BT_UNARY(BT_TYPES_FLOAT)
     const bt_op bt_op_tan = {BT_UNARY_FIELDS, .name = "Tan", .summary = "..."};

   defines the three functions of the frame and the descriptor. */
#ifndef BANTAM_OPS_SHARED_UNARY_H_
#define BANTAM_OPS_SHARED_UNARY_H_
#include "kernels/kernels.h"
#include "ops/shared/elementwise.h"

/* `one`: the function of a double v. */
#define BT_ONE(expression)                         \
  static double one(const bt_call* c, double v) {  \
    (void)c;                                       \
    return (expression);                           \
  }

/* `row` by the same function, for operators too rare for a kernel. */
#define BT_ROW_OF_ONE                                                                 \
  static void row(const bt_call* c, const float* x, float* y, size_t n) {             \
    for (size_t i = 0; i < n; ++i) y[i] = (float)one(c, (double)x[i]);                \
  }

/* `row` by a kernel of the table (bt_unary). */
#define BT_ROW_KERNEL(which)                                              \
  static void row(const bt_call* c, const float* x, float* y, size_t n) { \
    bt_call_kernels(c)->unary[which](x, y, n);                            \
  }

/* `row` by an expression of a float v; `setup` declares what does not change along the row. */
#define BT_ROW(setup, expression)                                         \
  static void row(const bt_call* c, const float* x, float* y, size_t n) { \
    (void)c;                                                              \
    setup;                                                                \
    for (size_t i = 0; i < n; ++i) {                                      \
      const float v = x[i];                                               \
      y[i] = (expression);                                                \
    }                                                                     \
  }

/* `row` through a kernel: u = kernel(before(v)), y = after(u, v), in blocks that stay in cache. */
#define BT_ROW_BLOCK 256
#define BT_ROW_THROUGH(which, setup, before, after)                       \
  static void row(const bt_call* c, const float* x, float* y, size_t n) { \
    const bt_unary_fn kernel = bt_call_kernels(c)->unary[which];          \
    float block[BT_ROW_BLOCK];                                            \
    setup;                                                                \
    for (size_t at = 0; at < n; at += BT_ROW_BLOCK) {                     \
      const size_t count = n - at < BT_ROW_BLOCK ? n - at : BT_ROW_BLOCK; \
      for (size_t i = 0; i < count; ++i) {                                \
        const float v = x[at + i];                                        \
        block[i] = (before);                                              \
      }                                                                   \
      kernel(block, block, count);                                        \
      for (size_t i = 0; i < count; ++i) {                                \
        const float v = x[at + i], u = block[i];                          \
        y[at + i] = (after);                                              \
      }                                                                   \
    }                                                                     \
  }

/* e^a - 1 of a float a out of u = tanh(a / 2). Unlike exp(a) - 1 it keeps its digits near 0. */
static inline float bt_expm1_of_tanh(float u) { return 2.0f * u / (1.0f - u); }

#define BT_UNARY(types)                                                         \
  static bt_status infer(bt_call* c) { return bt_unary_infer(c, types); }       \
  static bt_status prepare(bt_call* c) { return bt_unary_prepare(c, row); }     \
  static bt_status run(bt_call* c) { return bt_unary_run(c, row, one); }

/* The same for operators that take integers besides: `integers` is a table of rows by type. */
#define BT_UNARY_NUMBER(types)                                                  \
  static bt_status infer(bt_call* c) { return bt_unary_infer(c, types); }       \
  static bt_status prepare(bt_call* c) { return bt_unary_prepare(c, row); }     \
  static bt_status run(bt_call* c) { return bt_number_run(c, integers, row, one); }

/* Of the descriptor; the second form is for operators of the extra library. */
#define BT_UNARY_FIELDS BT_UNARY_FIELDS_WITH(BT_OP_HALF | BT_OP_INPLACE)
#define BT_UNARY_FIELDS_EXTRA BT_UNARY_FIELDS_WITH(BT_OP_HALF | BT_OP_INPLACE | BT_OP_EXTRA)
#define BT_UNARY_FIELDS_WITH(flag_set)                                                    \
  .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = flag_set,                \
  .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_TABLE, .infer = infer,               \
  .prepare = prepare, .run = run

#endif
