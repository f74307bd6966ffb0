/* SPDX-License-Identifier: Apache-2.0
   f16 and bf16 operands of operators that compute in f32. */
#include "runtime/half.h"

#include <string.h>

#include "runtime/shape.h"

/* The call that the operator sees: the same node with f32 in place of narrow floats. */
struct bt_half {
  const bt_tensor** in;
  bt_tensor** out;
  bt_tensor* wide; /* n_in + n_out tensors; dtype BT_NONE where the original is used */
  size_t own_scratch;
  size_t* offset; /* of each wide tensor in the scratch */
};

static void widen(const bt_tensor* from, bt_tensor* to) {
  const uint16_t* x = from->data;
  float* y = to->data;
  const int64_t n = bt_count(from);
  if (from->dtype == BT_F16)
    for (int64_t i = 0; i < n; ++i) y[i] = bt_from_f16(x[i]);
  else
    for (int64_t i = 0; i < n; ++i) y[i] = bt_from_bf16(x[i]);
}

static void narrow(const bt_tensor* from, bt_tensor* to) {
  const float* x = from->data;
  uint16_t* y = to->data;
  const int64_t n = bt_count(to);
  if (to->dtype == BT_F16)
    for (int64_t i = 0; i < n; ++i) y[i] = bt_to_f16(x[i]);
  else
    for (int64_t i = 0; i < n; ++i) y[i] = bt_to_bf16(x[i]);
}

static struct bt_half* make(bt_call* c, void* (*keep)(bt_call*, size_t)) {
  const size_t n_in = (size_t)c->n_in, n_out = (size_t)c->n_out;
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
    if (t && wanted && bt_is_half(t->dtype)) {
      h->wide[i] = *t;
      h->wide[i].dtype = BT_F32;
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
    else widen(c->in[i], &h->wide[i]);
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
    if (i < c->n_in && c->in[i]->data) widen(c->in[i], &h->wide[i]);
    if (i < c->n_in && !c->in[i]->data) h->wide[i].data = NULL; /* packed by load */
  }
  bt_call wide = *c;
  wide.in = h->in;
  wide.out = h->out;
  wide.scratch_bytes = h->own_scratch;
  BT_TRY(c->op->run(&wide));
  for (int i = 0; i < c->n_out; ++i)
    if (h->wide[c->n_in + i].dtype && bt_wants(c, i)) narrow(&h->wide[c->n_in + i], c->out[i]);
  return BT_OK;
}
