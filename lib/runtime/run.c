/* SPDX-License-Identifier: Apache-2.0
   Running a planned frame, and the frames of subgraphs. */
#include <string.h>

#include "runtime/frame.h"
#include "runtime/half.h"
#include "runtime/shape.h"

/* A step whose shapes could not be known before: infer, allocate, prepare, now that data is there. */
static bt_status wake(bt_frame* f, bt_call* c) {
  const bt_node* node = &f->graph->nodes[c->node];
  bt_step* s = &f->steps[c->node];
  bt_blocks_free(&s->blocks);
  s->half = NULL;
  BT_TRY(bt_call_infer(c));
  for (int i = 0; i < node->n_out; ++i) {
    if (node->out[i] < 0) continue;
    bt_slot* slot = &f->slots[node->out[i]];
    slot->tensor.data = NULL; /* without a shape still: the operator calls bt_set_output */
    if (bt_has_shape(&slot->tensor) && !(c->op->flags & BT_OP_VIEW)) BT_TRY(bt_slot_grow(c, slot));
  }
  c->plan = NULL;
  c->scratch_bytes = 0;
  BT_TRY(bt_step_prepare(c, s));
  if (s->scratch_bytes) {
    BT_TRY(bt_check_bytes(c, s->scratch_bytes));
    c->scratch = bt_keep_plan(c, s->scratch_bytes);
    if (!c->scratch) return bt_fail_memory(c);
  }
  return BT_OK;
}

bt_status bt_step_run(bt_frame* f, int n) {
  bt_step* s = &f->steps[n];
  bt_call c;
  bt_call_begin(&c, f, n);
  if (s->dynamic) BT_TRY(wake(f, &c));
  else if (s->scratch_bytes) c.scratch = f->arena + s->scratch_offset;
  if (c.op->flags & BT_OP_VIEW) {
    if (bt_wants(&c, 0)) c.out[0]->data = c.in[0]->data;
    return BT_OK;
  }
  return s->half ? bt_half_run(&c, s) : c.op->run(&c);
}

/* Shows output i of node n to the tap; one whose rows lie apart as a copy. */
static bt_status tap_output(bt_frame* f, int n, int i) {
  const bt_env* env = f->env;
  const bt_slot* s = &f->slots[f->graph->nodes[n].out[i]];
  if (!s->pitch) {
    env->tap(env->tap_user, f->graph, n, i, &s->tensor);
    return BT_OK;
  }
  bt_tensor t = s->tensor;
  unsigned char* copy = bt_alloc(bt_bytes(&t));
  if (!copy) return BT_NO_MEMORY;
  const size_t row = (size_t)t.dims[t.rank - 1] * bt_dtype_size(t.dtype);
  const size_t apart = (size_t)s->pitch * bt_dtype_size(t.dtype), bytes = bt_bytes(&t);
  const unsigned char* from = t.data;
  for (size_t at = 0; at < bytes; at += row, from += apart) memcpy(copy + at, from, row);
  t.data = copy;
  env->tap(env->tap_user, f->graph, n, i, &t);
  bt_release(copy);
  return BT_OK;
}

bt_status bt_frame_run(bt_frame* f, const bt_tensor* const* inputs) {
  const bt_graph* g = f->graph;
  bt_env* env = f->env;
  BT_TRY(bt_frame_plan(f, inputs));
  for (int i = 0; i < g->n_inputs; ++i) f->slots[g->inputs[i]].tensor.data = inputs[i]->data;
  for (int n = 0; n < g->n_nodes; ++n) {
    if (env->timer) env->timer(env->tap_user, g, n);
    if (!f->steps[n].folded) BT_TRY(bt_step_run(f, n));
    if (env->tap)
      for (int i = 0; i < g->nodes[n].n_out; ++i)
        if (g->nodes[n].out[i] >= 0) BT_TRY(tap_output(f, n, i));
  }
  if (env->timer) env->timer(env->tap_user, g, g->n_nodes);
  return BT_OK;
}

/* ---- subgraphs ---- */

static bt_status frame_of(bt_call* c, const bt_graph* g, bt_frame** frame) {
  for (bt_frame* f = c->env->frames; f; f = f->next)
    if (f->graph == g) {
      *frame = f;
      return BT_OK;
    }
  return bt_frame_create(c->env, g, frame);
}

static bt_status check_inputs(bt_call* c, const bt_graph* g, int n_in, int n_out) {
  if (n_in != g->n_inputs || n_out != g->n_outputs)
    return bt_fail(c, BT_BAD_INPUT, "its graph has %d inputs and %d outputs; the node gives %d and %d",
                   g->n_inputs, g->n_outputs, n_in, n_out);
  return BT_OK;
}

bt_status bt_frame_infer_graph(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                               bt_tensor* out, int n_out) {
  bt_frame* f = NULL;
  BT_TRY(check_inputs(c, g, n_in, n_out));
  BT_TRY(frame_of(c, g, &f));
  for (int i = 0; i < n_in; ++i)
    if (!bt_has_shape(in[i])) { /* wait for the data */
      for (int k = 0; k < n_out; ++k)
        out[k] = (bt_tensor){.dtype = g->values[g->outputs[k]].dtype, .rank = -1};
      return BT_OK;
    }
  BT_TRY(bt_frame_plan(f, in));
  for (int k = 0; k < n_out; ++k) {
    out[k] = *bt_frame_output(f, k);
    out[k].data = NULL;
    out[k].constant = 0;
  }
  return BT_OK;
}

bt_status bt_frame_run_graph(bt_call* c, const bt_graph* g, const bt_tensor* const* in, int n_in,
                             bt_tensor* out, int n_out) {
  bt_frame* f = NULL;
  BT_TRY(check_inputs(c, g, n_in, n_out));
  BT_TRY(frame_of(c, g, &f));
  BT_TRY(bt_frame_run(f, in));
  for (int k = 0; k < n_out; ++k) out[k] = *bt_frame_output(f, k);
  return BT_OK;
}
