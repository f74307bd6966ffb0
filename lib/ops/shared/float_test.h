/* SPDX-License-Identifier: Apache-2.0
   Operators that ask something of every float: IsNaN, IsInf. */
#ifndef BANTAM_OPS_SHARED_FLOAT_TEST_H_
#define BANTAM_OPS_SHARED_FLOAT_TEST_H_
#include "ops/shared/elementwise.h"

#define BT_TYPES_TESTED                                                                \
  (BT_TYPES_FLOAT | BT_BIT(BT_F8E4M3FN) | BT_BIT(BT_F8E4M3FNUZ) | BT_BIT(BT_F8E5M2) | \
   BT_BIT(BT_F8E5M2FNUZ))

/* Defines infer and run of an operator whose result, a bool, is an expression of a double v. */
#define BT_FLOAT_TEST(expression)                                                       \
  BT_MAP(row_f32, float, double, uint8_t, expression)                                   \
  BT_MAP(row_f64, double, double, uint8_t, expression)                                  \
  static void row_tiny(const bt_call* c, const void* px, void* py, int64_t n) {         \
    const uint8_t* x = px;                                                              \
    uint8_t* y = py;                                                                    \
    for (int64_t i = 0; i < n; ++i) {                                                   \
      const double v = (double)bt_from_tiny(c->in[0]->dtype, x[i]);                     \
      y[i] = (expression);                                                              \
    }                                                                                   \
  }                                                                                     \
  static bt_status infer(bt_call* c) {                                                  \
    BT_TRY(bt_need_type(c, 0, BT_TYPES_TESTED));                                        \
    bt_set_shape(c->out[0], BT_BOOL, c->in[0]->rank, c->in[0]->dims);                   \
    return BT_OK;                                                                       \
  }                                                                                     \
  static bt_status run(bt_call* c) {                                                    \
    const bt_dtype type = c->in[0]->dtype;                                              \
    return bt_map_run(c, type == BT_F32 ? row_f32 : type == BT_F64 ? row_f64 : row_tiny); \
  }

#endif
