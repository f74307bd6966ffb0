/* SPDX-License-Identifier: Apache-2.0
   Parameters of the integer kernels. */
#include "ops/shared/requant.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "runtime/shape.h"

static bt_status check_scales(bt_call* c, const bt_tensor* t, const char* what) {
  const int64_t least = bt_dtype_min(t->dtype), most = bt_dtype_max(t->dtype);
  for (int i = 0; i < t->quant->n; ++i) {
    const float scale = t->quant->scale[i];
    const int32_t zero = t->quant->zero ? t->quant->zero[i] : 0;
    if (!(scale > 0) || !isfinite(scale) || zero < least || zero > most)
      return bt_fail(c, BT_BAD_INPUT, "%s has scale %g and zero point %d, which no %s can have",
                     what, (double)scale, (int)zero, bt_dtype_name(t->dtype));
  }
  return BT_OK;
}

bt_status bt_need_scales(bt_call* c, const bt_tensor* t, const char* what) {
  if (!bt_is_q8(t) && !bt_is_q16(t))
    return bt_fail(c, BT_BAD_INPUT, "%s has no scale, but other operands are quantized", what);
  return check_scales(c, t, what);
}

static bt_status need_one(bt_call* c, const bt_tensor* t, const char* kind, int i) {
  char what[32];
  snprintf(what, sizeof what, "%s %d", kind, i);
  BT_TRY(bt_need_scales(c, t, what));
  if (t->quant->n != 1)
    return bt_fail(c, BT_UNSUPPORTED, "%s has one scale per channel; a single one is needed", what);
  return BT_OK;
}

/* Operators other than products meet 16-bit values as reals (runtime/half.h). */
static bt_status need_one_q8(bt_call* c, const bt_tensor* t, const char* kind, int i) {
  BT_TRY(need_one(c, t, kind, i));
  if (bt_is_q8(t)) return BT_OK;
  return bt_fail(c, BT_UNSUPPORTED, "%s %d is stored in %s; i8 is needed beside i8", kind, i,
                 bt_dtype_name(t->dtype));
}

bt_status bt_need_q8(bt_call* c, int first, int end) {
  for (int i = first; i < end; ++i) BT_TRY(need_one_q8(c, c->in[i], "input", i));
  return need_one_q8(c, c->out[0], "output", 0);
}

bt_dtype bt_product_type(const bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  if (!bt_is_q8(x) && !bt_is_q16(x)) return x->dtype;
  if (!y->quant) return BT_F32;
  return y->dtype == BT_I16 ? BT_I16 : BT_I8;
}

bt_status bt_need_product_types(bt_call* c, uint32_t types) {
  BT_TRY(bt_need_type(c, 0, types | (bt_is_q16(c->in[0]) ? BT_BIT(BT_I16) : 0)));
  if (bt_is_q16(c->in[0])) {
    BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I8)));
    return bt_need_type(c, 2, BT_BIT(BT_I64));
  }
  BT_TRY(bt_need_same_type(c, 0, 1));
  if (c->in[0]->dtype == BT_I8) return bt_need_type(c, 2, BT_BIT(BT_I32));
  return bt_need_same_type(c, 0, 2);
}

bt_status bt_need_product_q8(bt_call* c, int axis, int64_t outputs) {
  BT_TRY(need_one(c, c->in[0], "input", 0));
  const bt_quant* w = c->in[1]->quant;
  if (!w) return bt_fail(c, BT_BAD_INPUT, "input 1 has type i8 but no scale");
  if (w->n != 1 && (w->axis != axis || w->n != outputs))
    return bt_fail(c, BT_UNSUPPORTED,
                   "the weight has %d scales along axis %d; one, or one for each of the %" PRId64
                   " outputs along axis %d, is needed", w->n, w->axis, outputs, axis);
  for (int i = 0; i < w->n; ++i) {
    if (!(w->scale[i] > 0) || !isfinite(w->scale[i]))
      return bt_fail(c, BT_BAD_INPUT, "the weight has the scale %g", (double)w->scale[i]);
    if (w->zero && w->zero[i])
      return bt_fail(c, BT_UNSUPPORTED, "the weight has the zero point %d; only 0 is taken",
                     (int)w->zero[i]);
  }
  return c->out[0]->dtype == BT_F32 ? BT_OK : need_one(c, c->out[0], "output", 0);
}

void bt_requant_factors(const bt_quant* x, const bt_quant* w, const bt_quant* y, int outputs,
                        float* factors) {
  for (int o = 0; o < outputs; ++o) {
    const float product = x->scale[0] * w->scale[w->n == 1 ? 0 : o];
    factors[o] = y ? product / y->scale[0] : product;
  }
}

void bt_quantized_range(const bt_tensor* y, float lo, float hi, int32_t* zero, int32_t* q_lo,
                        int32_t* q_hi) {
  const float least = (float)bt_dtype_min(y->dtype), most = (float)bt_dtype_max(y->dtype);
  const float scale = y->quant->scale[0];
  *zero = bt_zero_of(y->quant);
  const float low = rintf(lo / scale) + (float)*zero, high = rintf(hi / scale) + (float)*zero;
  *q_lo = (int32_t)(low > least ? (low < most ? low : most) : least);
  *q_hi = (int32_t)(high < most ? (high > least ? high : least) : most);
}
