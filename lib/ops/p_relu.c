/* SPDX-License-Identifier: Apache-2.0
   PRelu: y = x from 0 on, slope * x below; the slope (input 1) is broadcast to the shape of x. */
#include "kernels/math_f32.h"
#include "ops/shared/elementwise.h"

BT_ROW2(row_f32, float, float, bt_select_f32(a < 0.0f, b * a, a))
BT_ROW2(row_f64, double, double, a < 0 ? b * a : a)
BT_ROW2(row_i32, int32_t, int32_t, a < 0 ? (uint32_t)b * (uint32_t)a : (uint32_t)a)
BT_ROW2(row_i64, int64_t, int64_t, a < 0 ? (uint64_t)b * (uint64_t)a : (uint64_t)a)

#define TYPES (BT_TYPES_FLOAT | BT_BIT(BT_I32) | BT_BIT(BT_I64) | BT_BIT(BT_U32) | BT_BIT(BT_U64))

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *slope = c->in[1];
  BT_TRY(bt_binary_infer(c, TYPES, BT_NONE));
  if (bt_has_rank(x) && bt_has_rank(slope)) {
    int fits = c->out[0]->rank == x->rank;
    for (int d = 0; fits && d < x->rank; ++d) fits = !bt_clash(c->out[0]->dims[d], x->dims[d]);
    if (!fits) {
      char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT, "the slope of shape %s does not broadcast to the input's %s",
                     bt_shape_text(slope, p), bt_shape_text(x, q));
    }
  }
  bt_set_like(c->out[0], x);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  bt_tensor* y = c->out[0];
  const bt_row2_fn row = x->dtype == BT_F32   ? row_f32
                         : x->dtype == BT_F64 ? row_f64
                         : x->dtype == BT_I32 ? row_i32
                         : x->dtype == BT_I64 ? row_i64
                                              : NULL;
  if (row) bt_binary_run(c, x, c->in[1], y, row);
  else bt_copy_values(y, x); /* nothing unsigned is below 0 */
  return BT_OK;
}

const bt_op bt_op_p_relu = {
    .name = "PRelu", .summary = "The identity above 0, slope * x below.", .in_min = 2, .in_max = 2,
    .out_min = 1, .out_max = 1, .flags = BT_OP_HALF | BT_OP_INPLACE,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
