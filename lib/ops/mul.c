/* SPDX-License-Identifier: Apache-2.0
   Mul: y = clamp(a * b), broadcast. Quantized operands: the exact product of the differences to the
   zero points, times the factor float(s_a * s_b) / s_y, rounded once (XNNPACK's rule). */
#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/arithmetic.h"
#include "ops/shared/requant.h"

static const bt_attr_spec attrs[] = {BT_CLAMP_ATTRS, {0}};

BT_ARITHMETIC_ROWS(mul, a * b)
BT_ROW2_KERNEL(mul_f32, BT_MUL)

typedef struct rule {
  int32_t a_zero, b_zero, zero, lo, hi;
  float factor;
} rule;

static void row_s8(const bt_kernels* k, const void* plan, const int8_t* a, const int8_t* b,
                   int8_t* y, size_t n, bt_operand one) {
  const rule* p = plan;
  k->mul_s8(a, b, y, n, one, p->a_zero, p->b_zero, p->factor, p->zero, p->lo, p->hi);
}

static bt_status prepare(bt_call* c) {
  if (!bt_is_q8(c->in[0])) return BT_OK;
  BT_TRY(bt_need_q8(c, 0, 2));
  rule* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  const bt_quant *a = c->in[0]->quant, *b = c->in[1]->quant, *y = c->out[0]->quant;
  bt_requant_factors(a, b, y, 1, &p->factor);
  if (!isfinite(p->factor))
    return bt_fail(c, BT_UNSUPPORTED,
                   "the output's scale %g is too small beside its inputs' %g and %g",
                   (double)y->scale[0], (double)a->scale[0], (double)b->scale[0]);
  p->a_zero = bt_zero_of(a);
  p->b_zero = bt_zero_of(b);
  bt_quantized_range(c->out[0], c->attr[BT_CLAMP_LO].f, c->attr[BT_CLAMP_HI].f, &p->zero, &p->lo,
                     &p->hi);
  c->plan = p;
  return BT_OK;
}

static bt_status run(bt_call* c) {
  if (!bt_is_q8(c->in[0]))
    return bt_arithmetic_run(c, BT_ARITHMETIC_PICK(mul, mul_f32, c->in[0]->dtype));
  bt_binary_s8_run(c, row_s8);
  return BT_OK;
}

const bt_op bt_op_mul = {
    .name = "Mul", .summary = "Product of two tensors, broadcast, with a fused clamp.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
    .flags = BT_OP_HALF | BT_OP_INPLACE, .layout = BT_LAYOUT_ELEMENTWISE, .quant = BT_QUANT_ARITH,
    .infer = bt_arithmetic_infer, .prepare = prepare, .run = run};
