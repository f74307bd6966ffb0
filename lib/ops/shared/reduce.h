/* SPDX-License-Identifier: Apache-2.0
   Reductions: many elements become one. The frame of the Reduce... operators and of global pooling;
   an operator file says how elements are folded together and what becomes of the folded value.

   Order of float sums (docs/numerics.md): elements that are contiguous in memory use 16 chains, and
   the sums of several such rows are added in order. Where the innermost axis stays, every output
   is one chain in increasing order. */
#ifndef BANTAM_OPS_SHARED_REDUCE_H_
#define BANTAM_OPS_SHARED_REDUCE_H_
#include "runtime/op.h"

typedef enum bt_fold {
  BT_FOLD_SUM = 0,
  BT_FOLD_ABS,    /* sum of magnitudes */
  BT_FOLD_SQUARE, /* sum of squares */
  BT_FOLD_EXP,    /* log of the sum of e^x, without overflow: log(sum of e^(x - max)) + max */
  BT_FOLD_PROD,
  BT_FOLD_MAX,
  BT_FOLD_MIN
} bt_fold;

/* Finishing functions get the folded value and the number of elements; NULL: the value itself. */
typedef struct bt_reduction {
  bt_fold fold;
  float (*finish_f32)(float v, float n);
  double (*finish_f64)(double v, double n);
  int64_t (*finish_int)(int64_t v, int64_t n);
  int real; /* integers are folded and finished as doubles, then truncated */
} bt_reduction;

/* Reduces the marked axes of x; y has room for the result, whatever its shape says. */
void bt_reduce(bt_call* c, const bt_tensor* x, bt_tensor* y, const bt_reduction* r,
               const int* marked);

/* ---- the Reduce... operators: axes are input 1 ---- */

enum { BT_REDUCE_KEEPDIMS, BT_REDUCE_NOOP };
#define BT_REDUCE_ATTRS                             \
  {.name = "keepdims", .kind = BT_INT, .i = 1},     \
  {.name = "noop_with_empty_axes", .kind = BT_INT}
/* Input 0 has one of the types, or is a quantized i8 where `quantized`. */
bt_status bt_reduce_infer(bt_call* c, uint32_t types, int quantized);
bt_status bt_reduce_run(bt_call* c, const bt_reduction* r);

/* Types of the operators that add, multiply, ... */
#define BT_TYPES_REDUCED \
  (BT_TYPES_FLOAT | BT_BIT(BT_I32) | BT_BIT(BT_I64) | BT_BIT(BT_U32) | BT_BIT(BT_U64))
/* ... and of those that only compare. */
#define BT_TYPES_COMPARED (BT_TYPES_REDUCED | BT_BIT(BT_I8) | BT_BIT(BT_U8) | BT_BIT(BT_BOOL))

/* Everything of an operator that adds up: the three lines that differ are its reduction, its name
   and its summary. */
#define BT_REDUCE_FIELDS                                                                 \
  .in_min = 1, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,             \
  .layout = BT_LAYOUT_AXES, .infer = infer, .run = run
#define BT_REDUCE(reduction, types, quantized)                                           \
  static const bt_attr_spec attrs[] = {BT_REDUCE_ATTRS, {0}};                            \
  static bt_status infer(bt_call* c) { return bt_reduce_infer(c, types, quantized); }    \
  static bt_status run(bt_call* c) { return bt_reduce_run(c, reduction); }

/* ---- global pooling: everything between batch and channels ---- */

/* `layout` is the place of that attribute, which must be one. */
bt_status bt_global_infer(bt_call* c, uint32_t types, int layout);
bt_status bt_global_run(bt_call* c, const bt_reduction* r, int layout);

/* Quantized means: the factor from sums to output steps must be a number. For prepare. */
bt_status bt_reduce_need_q8(bt_call* c);

/* Shared by means of all kinds. */
extern const bt_reduction bt_reduction_mean;

#endif
