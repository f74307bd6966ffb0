/* SPDX-License-Identifier: Apache-2.0
   Operands of f16, bf16, and quantized 16 bits for operators that compute in f32. */
#include "runtime/half.h"

#include <math.h>

#include "kernels/kernels.h"
#include "runtime/shape.h"

/* The call that the operator sees: the same node with f32 in place of narrow floats. */
struct bt_half {
  const bt_tensor** in;
  bt_tensor** out;
  bt_tensor* wide; /* n_in + n_out tensors; dtype BT_NONE where the original is used */
  size_t own_scratch;
  size_t* offset; /* of each wide tensor in the scratch */
};

/* ---- which nodes ---- */

static int is_stored(const bt_tensor* t) {
  return t->quant && (t->dtype == BT_I8 || t->dtype == BT_I16);
}

static int same_grid(const bt_tensor* a, const bt_tensor* b) {
  if (a->dtype != b->dtype || a->quant->n != 1 || b->quant->n != 1) return 0;
  const int32_t zero_a = a->quant->zero ? a->quant->zero[0] : 0;
  const int32_t zero_b = b->quant->zero ? b->quant->zero[0] : 0;
  return a->quant->scale[0] == b->quant->scale[0] && zero_a == zero_b;
}

/* Integers of all stored operands may be mixed as they are. */
static int all_alike(const bt_call* c) {
  for (int i = 0; i < c->n_in; ++i)
    if (c->in[i] && is_stored(c->in[i]) && !same_grid(c->in[i], c->out[0])) return 0;
  return 1;
}

int bt_needs_reals(const bt_call* c) {
  if (c->op->quant == BT_QUANT_NONE || c->op->quant == BT_QUANT_MACS) return 0;
  int found = 0;
  for (int i = 0; i < c->n_in + c->n_out; ++i) {
    const bt_tensor* t = i < c->n_in ? c->in[i] : c->out[i - c->n_in];
    found = found || (t && t->quant && t->dtype == BT_I16);
  }
  const int alike = c->n_out && is_stored(c->out[0]) && all_alike(c);
  if (c->op->flags & BT_OP_WORDS && alike) return 0;
  if (!found || c->op->flags & BT_OP_HALF) return found;
  if (c->op->quant == BT_QUANT_SAME) return 0; /* moves elements of any type */
  return !alike;
}

int bt_needs_half(const bt_call* c) {
  for (int i = 0; c->op->flags & BT_OP_HALF && i < c->n_in; ++i)
    if (c->in[i] && bt_is_half(c->in[i]->dtype)) return 1;
  return bt_needs_reals(c);
}

/* ---- conversion ---- */

typedef struct job {
  const bt_kernels* k;
  const bt_tensor *from, *to;
  float scale;
  int32_t zero;
} job;

static void widen_part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const void* x = j->from->data;
  float* y = (float*)j->to->data + begin;
  const size_t n = (size_t)(end - begin);
  (void)thread;
  switch (j->from->dtype) {
    case BT_I8: j->k->dequantize((const int8_t*)x + begin, y, n, j->scale, j->zero); break;
    case BT_I16: j->k->dequantize_s16((const int16_t*)x + begin, y, n, j->scale, j->zero); break;
    case BT_F16:
      for (size_t i = 0; i < n; ++i) y[i] = bt_from_f16(((const uint16_t*)x + begin)[i]);
      break;
    default:
      for (size_t i = 0; i < n; ++i) y[i] = bt_from_bf16(((const uint16_t*)x + begin)[i]);
  }
}

static void narrow_part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const float* x = (const float*)j->from->data + begin;
  void* y = j->to->data;
  const size_t n = (size_t)(end - begin);
  (void)thread;
  switch (j->to->dtype) {
    case BT_I8: j->k->quantize(x, (int8_t*)y + begin, n, 1.0f / j->scale, j->zero); break;
    case BT_I16: j->k->quantize_s16(x, (int16_t*)y + begin, n, 1.0f / j->scale, j->zero); break;
    case BT_F16:
      for (size_t i = 0; i < n; ++i) ((uint16_t*)y + begin)[i] = bt_to_f16(x[i]);
      break;
    default:
      for (size_t i = 0; i < n; ++i) ((uint16_t*)y + begin)[i] = bt_to_bf16(x[i]);
  }
}

static void convert(bt_call* c, const bt_tensor* from, const bt_tensor* to, bt_part_fn fn) {
  const bt_quant* q = from->quant ? from->quant : to->quant;
  job j = {.k = bt_call_kernels(c), .from = from, .to = to, .scale = q ? q->scale[0] : 0,
           .zero = q && q->zero ? q->zero[0] : 0};
  bt_parallel(c, bt_count(from), 16384, fn, &j);
}

static void widen(bt_call* c, const bt_tensor* from, bt_tensor* to) {
  convert(c, from, to, widen_part);
}
static void narrow(bt_call* c, const bt_tensor* from, bt_tensor* to) {
  convert(c, from, to, narrow_part);
}

static bt_status need_one_scale(bt_call* c, const bt_tensor* t) {
  const float scale = t->quant->n == 1 ? t->quant->scale[0] : 0;
  if (scale > 0 && isfinite(scale) && isfinite(1.0f / scale)) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "an operand beside 16-bit ones has %d scales, the first %g; a single "
                 "one that can be inverted is needed", t->quant->n, (double)t->quant->scale[0]);
}

/* ---- inference ---- */

bt_status bt_infer_reals(bt_call* c) {
  const size_t n = (size_t)c->n_in;
  bt_tensor* reals = bt_alloc((n + 1) * sizeof *reals);
  const bt_tensor** in = bt_alloc((n + 1) * sizeof *in);
  bt_status status = reals && in ? BT_OK : bt_fail_memory(c);
  for (size_t i = 0; i < n && status == BT_OK; ++i) {
    in[i] = c->in[i];
    if (!in[i] || !is_stored(in[i])) continue;
    reals[i] = *in[i];
    reals[i].dtype = BT_F32;
    reals[i].quant = NULL;
    reals[i].data = NULL;
    in[i] = &reals[i];
  }
  bt_tensor* y = c->out[0];
  const bt_quant* quant = y->quant;
  const bt_dtype type = y->dtype;
  bt_call call = *c;
  call.in = in;
  y->quant = NULL;
  y->dtype = BT_F32;
  if (status == BT_OK) status = c->op->infer(&call);
  y->quant = quant;
  if (quant && y->dtype == BT_F32) y->dtype = type;
  bt_release(reals);
  bt_release((void*)in);
  return status;
}

/* ---- the call that the operator sees ---- */

static struct bt_half* make(bt_call* c, void* (*keep)(bt_call*, size_t)) {
  const size_t n_in = (size_t)c->n_in, n_out = (size_t)c->n_out;
  const int reals = bt_needs_reals(c);
  struct bt_half* h = keep(c, sizeof *h);
  if (!h) return NULL;
  h->in = keep(c, (n_in + 1) * sizeof *h->in);
  h->out = keep(c, (n_out + 1) * sizeof *h->out);
  h->wide = keep(c, (n_in + n_out) * sizeof *h->wide);
  h->offset = keep(c, (n_in + n_out) * sizeof *h->offset);
  if (!h->in || !h->out || !h->wide || !h->offset) return NULL;
  for (size_t i = 0; i < n_in + n_out; ++i) {
    const bt_tensor* t = i < n_in ? c->in[i] : c->out[i - n_in];
    const int wanted = i < n_in || bt_wants(c, (int)(i - n_in));
    const int stored = reals && t && is_stored(t);
    if (t && wanted && (bt_is_half(t->dtype) || stored)) {
      h->wide[i] = *t;
      h->wide[i].dtype = BT_F32;
      h->wide[i].quant = NULL;
      h->wide[i].data = NULL;
    }
    if (i < n_in) h->in[i] = h->wide[i].dtype ? &h->wide[i] : t;
    else h->out[i - n_in] = h->wide[i].dtype ? &h->wide[i] : c->out[i - n_in];
  }
  return h;
}

bt_status bt_half_load(bt_call* c) {
  struct bt_half* h = make(c, bt_keep);
  if (!h) return bt_fail_memory(c);
  bt_status status = BT_OK;
  for (int i = 0; i < c->n_in && status == BT_OK; ++i) {
    if (!h->wide[i].dtype || !c->in[i]->data) continue;
    h->wide[i].data = bt_alloc(bt_bytes(&h->wide[i]));
    if (!h->wide[i].data) status = bt_fail_memory(c);
    else widen(c, c->in[i], &h->wide[i]);
  }
  bt_call wide = *c;
  wide.in = h->in;
  wide.out = h->out;
  if (status == BT_OK) status = c->op->load(&wide);
  for (int i = 0; i < c->n_in; ++i) bt_release(h->wide[i].data);
  c->weights = wide.weights;
  c->loaded = wide.loaded;
  return status;
}

bt_status bt_half_prepare(bt_call* c, bt_step* s) {
  struct bt_half* h = make(c, bt_keep_plan);
  if (!h) return bt_fail_memory(c);
  for (int i = 0; i < c->n_in + c->n_out; ++i) {
    const bt_tensor* t = i < c->n_in ? c->in[i] : c->out[i - c->n_in];
    if (h->wide[i].dtype && t->quant) BT_TRY(need_one_scale(c, t));
  }
  bt_call wide = *c;
  wide.in = h->in;
  wide.out = h->out;
  if (c->op->prepare) BT_TRY(c->op->prepare(&wide));
  h->own_scratch = (wide.scratch_bytes + BT_ALIGN - 1) / BT_ALIGN * BT_ALIGN;
  size_t bytes = h->own_scratch;
  for (int i = 0; i < c->n_in + c->n_out; ++i) {
    if (!h->wide[i].dtype) continue;
    h->offset[i] = bytes;
    bytes += (bt_bytes(&h->wide[i]) + BT_ALIGN - 1) / BT_ALIGN * BT_ALIGN;
  }
  c->plan = wide.plan;
  c->scratch_bytes = bytes;
  s->half = h;
  return BT_OK;
}

bt_status bt_half_run(bt_call* c, bt_step* s) {
  struct bt_half* h = s->half;
  unsigned char* scratch = c->scratch;
  for (int i = 0; i < c->n_in + c->n_out; ++i) {
    if (!h->wide[i].dtype) {
      if (i < c->n_in) h->in[i] = c->in[i];
      else h->out[i - c->n_in] = c->out[i - c->n_in];
      continue;
    }
    h->wide[i].data = scratch + h->offset[i];
    if (i < c->n_in && c->in[i]->data) widen(c, c->in[i], &h->wide[i]);
    if (i < c->n_in && !c->in[i]->data) h->wide[i].data = NULL; /* packed by load */
  }
  bt_call wide = *c;
  wide.in = h->in;
  wide.out = h->out;
  wide.scratch_bytes = h->own_scratch;
  BT_TRY(c->op->run(&wide));
  for (int i = 0; i < c->n_out; ++i)
    if (h->wide[c->n_in + i].dtype && bt_wants(c, i)) narrow(c, &h->wide[c->n_in + i], c->out[i]);
  return BT_OK;
}
