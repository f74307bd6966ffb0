/* SPDX-License-Identifier: Apache-2.0
   Sub: y = clamp(a - b), broadcast. Quantized operands follow the rule of Add, with the factor of b
   negative. */
#include <math.h>

#include "ops/shared/arithmetic.h"
#include "ops/shared/requant.h"

static const bt_attr_spec attrs[] = {BT_CLAMP_ATTRS, {0}};

BT_ARITHMETIC_ROWS(sub, a - b)
BT_ROW2_KERNEL(sub_f32, BT_SUB)

static bt_status prepare(bt_call* c) {
  return bt_is_q8(c->in[0]) ? bt_sum_s8_prepare(c, -1) : BT_OK;
}

static bt_status run(bt_call* c) {
  if (!bt_is_q8(c->in[0]))
    return bt_arithmetic_run(c, BT_ARITHMETIC_PICK(sub, sub_f32, c->in[0]->dtype));
  bt_sum_s8_run(c);
  return BT_OK;
}

const bt_op bt_op_sub = {
    .name = "Sub", .summary = "Difference of two tensors, broadcast, with a fused clamp.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
    .flags = BT_OP_HALF | BT_OP_INPLACE, .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_ARITH,
    .infer = bt_arithmetic_infer, .prepare = prepare, .run = run};
