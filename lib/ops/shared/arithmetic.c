/* SPDX-License-Identifier: Apache-2.0
   Arithmetic of two operands: the clamp behind it, and quantized sums. */
#include "ops/shared/arithmetic.h"

#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/requant.h"

bt_status bt_need_clamp_type(bt_call* c) {
  const bt_dtype type = c->in[0]->dtype;
  const int clamps = c->attr[BT_CLAMP_LO].f != -INFINITY || c->attr[BT_CLAMP_HI].f != INFINITY;
  if (clamps && type != BT_F32 && !bt_is_half(type) && !bt_is_q8(c->in[0]) &&
      !bt_is_q16(c->in[0]))
    return bt_fail(c, BT_UNSUPPORTED, "lo and hi bound floats and quantized values, not type %s",
                   bt_dtype_name(type));
  return BT_OK;
}

bt_status bt_arithmetic_infer(bt_call* c) {
  BT_TRY(bt_need_clamp_type(c));
  return bt_binary_infer(c, BT_TYPES_NUMBER, BT_NONE);
}

/* ---- floats and integers ---- */

typedef struct job {
  const bt_kernels* k;
  float* y;
  float lo, hi;
} job;

static void clamp_part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  (void)thread;
  j->k->clamp(j->y + begin, j->y + begin, (size_t)(end - begin), j->lo, j->hi);
}

void bt_clamp_output(bt_call* c, float lo, float hi) {
  if (lo == -INFINITY && hi == INFINITY) return;
  job j = {.k = bt_call_kernels(c), .y = c->out[0]->data, .lo = lo, .hi = hi};
  bt_parallel(c, bt_count(c->out[0]), 8192, clamp_part, &j);
}

bt_status bt_arithmetic_run(bt_call* c, bt_row2_fn row) {
  bt_binary_run(c, c->in[0], c->in[1], c->out[0], row);
  if (c->out[0]->dtype == BT_F32)
    bt_clamp_output(c, c->attr[BT_CLAMP_LO].f, c->attr[BT_CLAMP_HI].f);
  return BT_OK;
}

bt_status bt_need_divisor(bt_call* c, int i) {
  const bt_tensor* t = c->in[i];
  const int64_t n = bt_count(c->out[0]) > 0 ? bt_count(t) : 0;
  for (int64_t k = 0; k < n; ++k)
    if (bt_get_int(t, k) == 0) return bt_fail(c, BT_BAD_INPUT, "division by zero");
  return BT_OK;
}

/* ---- quantized sums ---- */

/* The larger of the two ratios gets 21 significant bits, so both factors are below 2^21 and the
   sum of two products with 9-bit differences stays in int32. Larger ratios than 2^20 have no such
   factors. */
bt_status bt_sum_s8_prepare(bt_call* c, int sign) {
  BT_TRY(bt_need_q8(c, 0, 2));
  const bt_quant *a = c->in[0]->quant, *b = c->in[1]->quant, *y = c->out[0]->quant;
  const float ra = a->scale[0] / y->scale[0], rb = b->scale[0] / y->scale[0];
  if (!(ra < 0x1p20f && rb < 0x1p20f))
    return bt_fail(c, BT_UNSUPPORTED,
                   "the output's scale %g is too small beside its inputs' %g and %g",
                   (double)y->scale[0], (double)a->scale[0], (double)b->scale[0]);
  bt_add_s8* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  int exponent = 0;
  frexpf(ra > rb ? ra : rb, &exponent);
  const int shift = 20 - (exponent - 1);
  p->shift = shift < 1 ? 1 : shift > 30 ? 30 : shift;
  p->a_factor = (int32_t)rintf(ldexpf(ra, p->shift));
  p->b_factor = sign * (int32_t)rintf(ldexpf(rb, p->shift));
  p->a_zero = bt_zero_of(a);
  p->b_zero = bt_zero_of(b);
  bt_quantized_range(c->out[0], c->attr[BT_CLAMP_LO].f, c->attr[BT_CLAMP_HI].f, &p->zero, &p->lo,
                     &p->hi);
  c->plan = p;
  return BT_OK;
}

static void row(const bt_kernels* k, const void* plan, const int8_t* a, const int8_t* b, int8_t* y,
                size_t n, bt_operand one) {
  k->add_s8(a, b, y, n, one, plan);
}

void bt_sum_s8_run(bt_call* c) { bt_binary_s8_run(c, row); }
