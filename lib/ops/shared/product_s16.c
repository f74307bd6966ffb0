/* SPDX-License-Identifier: Apache-2.0
   Products with 16-bit activations. */
#include "ops/shared/product_s16.h"

#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/requant.h"
#include "runtime/shape.h"

int bt_is_product_s16(const bt_call* c) {
  return bt_is_q16(c->in[0]) || (bt_is_q8(c->in[0]) && bt_is_q16(c->out[0]));
}

bt_status bt_finish_prepare(bt_call* c, float lo, float hi, bt_product* p) {
  const bt_tensor *x = c->in[0], *w = c->in[1], *y = c->out[0];
  if (bt_is_q16(x) && bt_zero_of(x->quant) != 0)
    return bt_fail(c, BT_UNSUPPORTED, "input 0 has 16 bits and the zero point %d; only 0 is taken",
                   (int)bt_zero_of(x->quant));
  for (int i = 0; i < w->quant->n; ++i) {
    bt_quant one = *w->quant;
    float factor;
    one.scale += i;
    bt_requant_factors(x->quant, &one, y->quant, 1, &factor);
    if (!isfinite(factor))
      return bt_fail(c, BT_UNSUPPORTED,
                     "the output's scale %g is too small beside those of its operands, %g and %g",
                     (double)y->quant->scale[0], (double)x->quant->scale[0], (double)one.scale[0]);
  }
  p->store = y->dtype == BT_F32 ? BT_FINISH_F32 : y->dtype == BT_I16 ? BT_FINISH_S16 : BT_FINISH_S8;
  if (y->quant) bt_quantized_range(y, lo, hi, &p->zero, &p->q_lo, &p->q_hi);
  return BT_OK;
}

bt_weight_sums bt_sum_weights(const int8_t* w, int64_t n, ptrdiff_t step) {
  bt_weight_sums s = {0, 0};
  for (int64_t i = 0; i < n; ++i, w += step) {
    s.sum += *w;
    s.magnitude += *w < 0 ? -*w : *w;
  }
  return s;
}

/* A value is at most 2^15, and so the sum stays below 2^31. Of an odd row the kernels would read one
   value too many. */
int bt_planes_s16(const bt_kernels* k, int64_t depth, int64_t magnitude) {
  return k->s8_bytes == 2 && depth % 2 == 0 && magnitude < 65536 ? 1 : 2;
}

double bt_start_s16(const bt_tensor* bias, int64_t o, int planes, int64_t sum) {
  const int64_t own = bias ? bt_get_int(bias, o) : 0;
  return planes == 2 ? (double)own + 128.0 * (double)sum : (double)own;
}

/* ---- planes ---- */

size_t bt_plane_bytes(int64_t n) { return ((size_t)n + 63) / 64 * 64; }

typedef struct split_job {
  const bt_kernels* k;
  const int16_t* x;
  int8_t *low, *high;
} split_job;

static void split_part(void* arg, int64_t begin, int64_t end, int thread) {
  const split_job* j = arg;
  (void)thread;
  j->k->split_s16(j->x + begin, j->low + begin, j->high + begin, (size_t)(end - begin));
}

void bt_split_planes(bt_call* c, const void* x, int64_t n, void* planes) {
  split_job j = {
      .k = bt_call_kernels(c), .x = x, .low = planes, .high = (int8_t*)planes + bt_plane_bytes(n)};
  bt_parallel(c, n, 16384, split_part, &j);
}
