/* SPDX-License-Identifier: Apache-2.0
   Reductions of scattered updates. */
#include "ops/shared/scatter.h"

#include "ops/shared/arithmetic.h"

BT_ROW2_KERNEL(add_f32, BT_ADD)
BT_ROW2_KERNEL(mul_f32, BT_MUL)
BT_ARITHMETIC_ROWS(add, a + b)
BT_ARITHMETIC_ROWS(mul, a* b)
BT_ROW2_KERNEL(max_f32, BT_MAX)
BT_ROW2(max_f64, double, double, a != a || a > b ? a : b)
BT_ROWS2_SIGNED(max, a > b ? a : b)
BT_ROWS2_UNSIGNED(max, a > b ? a : b)
BT_ROW2_KERNEL(min_f32, BT_MIN)
BT_ROW2(min_f64, double, double, a != a || a < b ? a : b)
BT_ROWS2_SIGNED(min, a < b ? a : b)
BT_ROWS2_UNSIGNED(min, a < b ? a : b)
static const bt_row2_fn largest[BT_DTYPE_COUNT] = {BT_OF_NUMBER(max)};
static const bt_row2_fn smallest[BT_DTYPE_COUNT] = {BT_OF_NUMBER(min)};

bt_row2_fn bt_reduction_row(bt_reduction reduction, bt_dtype dtype) {
  switch (reduction) {
    case BT_REDUCE_ADD: return BT_ARITHMETIC_PICK(add, add_f32, dtype);
    case BT_REDUCE_MUL: return BT_ARITHMETIC_PICK(mul, mul_f32, dtype);
    case BT_REDUCE_MAX: return largest[dtype];
    case BT_REDUCE_MIN: return smallest[dtype];
    default: return NULL;
  }
}

bt_status bt_scatter_infer(bt_call* c, bt_reduction reduction) {
  BT_TRY(bt_need_type(c, 0, reduction == BT_REPLACE ? BT_TYPES_ANY : BT_TYPES_NUMBER));
  BT_TRY(bt_need_same_type(c, 0, 2));
  bt_set_like(c->out[0], c->in[0]);
  return BT_OK;
}
