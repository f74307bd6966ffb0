/* SPDX-License-Identifier: Apache-2.0
   Parameters of the integer kernels. */
#include "ops/shared/requant.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

bt_status bt_need_scales_q8(bt_call* c, const bt_tensor* t, const char* what) {
  if (!bt_is_q8(t))
    return bt_fail(c, BT_BAD_INPUT, "%s has no scale, but other operands are quantized", what);
  for (int i = 0; i < t->quant->n; ++i) {
    const float scale = t->quant->scale[i];
    const int32_t zero = t->quant->zero ? t->quant->zero[i] : 0;
    if (!(scale > 0) || !isfinite(scale) || zero < INT8_MIN || zero > INT8_MAX)
      return bt_fail(c, BT_BAD_INPUT, "%s has scale %g and zero point %d, which no i8 can have",
                     what, (double)scale, (int)zero);
  }
  return BT_OK;
}

static bt_status need_one(bt_call* c, const bt_tensor* t, const char* kind, int i) {
  char what[32];
  snprintf(what, sizeof what, "%s %d", kind, i);
  BT_TRY(bt_need_scales_q8(c, t, what));
  if (t->quant->n != 1)
    return bt_fail(c, BT_UNSUPPORTED, "%s has one scale per channel; a single one is needed", what);
  return BT_OK;
}

bt_status bt_need_q8(bt_call* c, int first, int end) {
  for (int i = first; i < end; ++i) BT_TRY(need_one(c, c->in[i], "input", i));
  return need_one(c, c->out[0], "output", 0);
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

void bt_quantized_range(const bt_quant* y, float lo, float hi, int32_t* zero, int32_t* q_lo,
                        int32_t* q_hi) {
  *zero = y->zero ? y->zero[0] : 0;
  const float low = rintf(lo / y->scale[0]) + (float)*zero, high = rintf(hi / y->scale[0]) + (float)*zero;
  *q_lo = low > -128.0f ? (low < 127.0f ? (int32_t)low : 127) : -128;
  *q_hi = high < 127.0f ? (high > -128.0f ? (int32_t)high : -128) : 127;
}
