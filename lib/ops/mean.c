/* SPDX-License-Identifier: Apache-2.0
   Mean: the sum of all inputs, element by element, broadcast, divided by their number. */
#include "ops/shared/arithmetic.h"

BT_ROW2_KERNEL(add_f32, BT_ADD)
BT_ROW2_KERNEL(div_f32, BT_DIV)
BT_ROW2(add_f64, double, double, a + b)
BT_ROW2(div_f64, double, double, a / b)

static bt_status infer(bt_call* c) { return bt_variadic_infer(c, BT_TYPES_FLOAT); }

static bt_status run(bt_call* c) {
  const int is_f32 = c->in[0]->dtype == BT_F32;
  float count_f32 = (float)c->n_in;
  double count_f64 = c->n_in;
  const bt_tensor count = {.dtype = c->in[0]->dtype,
                           .data = is_f32 ? (void*)&count_f32 : (void*)&count_f64};
  BT_TRY(bt_variadic_run(c, is_f32 ? add_f32 : add_f64));
  bt_binary_run(c, c->out[0], &count, c->out[0], is_f32 ? div_f32 : div_f64);
  return BT_OK;
}

const bt_op bt_op_mean = {
    .name = "Mean", .summary = "Mean of several tensors, element by element.", .in_min = 1,
    .in_max = BT_MANY, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_ELEMENTWISE, .infer = infer, .run = run};
