/* SPDX-License-Identifier: Apache-2.0
   Quantized operands brought to one scale. */
#include "ops/shared/same_scale.h"

#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/requant.h"
#include "runtime/shape.h"

typedef struct plan {
  const bt_tensor** in; /* c->in, or &copy */
  struct copy {
    bt_tensor tensor;
    float factor; /* 0: the input itself is used */
    size_t offset;
  } * copies;
} plan;

static int stored_alike(const bt_quant* a, const bt_quant* b) {
  return a->scale[0] == b->scale[0] && bt_zero_of(a) == bt_zero_of(b);
}

bt_status bt_same_scale_prepare(bt_call* c, int first) {
  if (!bt_is_q8(c->in[first])) return BT_OK;
  BT_TRY(bt_need_q8(c, first, c->n_in));
  const size_t n = (size_t)c->n_in;
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  p->in = bt_keep_plan(c, n * sizeof *p->in);
  p->copies = bt_keep_plan(c, n * sizeof *p->copies);
  if (!p->in || !p->copies) return bt_fail_memory(c);
  const bt_quant* y = c->out[0]->quant;
  for (int i = first; i < c->n_in; ++i) {
    struct copy* copy = &p->copies[i];
    const bt_quant* x = c->in[i]->quant;
    if (stored_alike(x, y)) continue;
    copy->factor = x->scale[0] / y->scale[0];
    if (!isfinite(copy->factor) || copy->factor == 0.0f)
      return bt_fail(c, BT_UNSUPPORTED, "scale %g of input %d is too far from the output's, %g",
                     (double)x->scale[0], i, (double)y->scale[0]);
    copy->tensor = *c->in[i];
    copy->offset = c->scratch_bytes;
    c->scratch_bytes += bt_bytes(c->in[i]);
  }
  c->plan = p;
  return BT_OK;
}

typedef struct job {
  const bt_kernels* k;
  const int8_t* x;
  int8_t* y;
  float factor;
  int32_t in_zero, zero;
} job;

static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  (void)thread;
  j->k->requantize(j->x + begin, j->y + begin, (size_t)(end - begin), j->factor, j->in_zero,
                   j->zero);
}

const bt_tensor* const* bt_same_scale_run(bt_call* c) {
  plan* p = c->plan;
  if (!p) return c->in;
  for (int i = 0; i < c->n_in; ++i) {
    struct copy* copy = &p->copies[i];
    p->in[i] = c->in[i];
    if (copy->factor == 0.0f) continue;
    copy->tensor.data = (int8_t*)c->scratch + copy->offset;
    p->in[i] = &copy->tensor;
    job j = {.k = bt_call_kernels(c), .x = c->in[i]->data, .y = copy->tensor.data,
             .factor = copy->factor, .in_zero = bt_zero_of(c->in[i]->quant),
             .zero = bt_zero_of(c->out[0]->quant)};
    bt_parallel(c, bt_count(c->in[i]), 16384, part, &j);
  }
  return p->in;
}
