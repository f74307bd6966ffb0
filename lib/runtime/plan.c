/* SPDX-License-Identifier: Apache-2.0
   Planning: shapes of every value for given input shapes, shape arithmetic computed once, what can
   share memory, and which steps have to wait for data. */
#include <stdlib.h>
#include <string.h>

#include "runtime/frame.h"
#include "runtime/half.h"
#include "runtime/shape.h"

/* Values of at most this size are computed while planning where all they depend on is known:
   shape arithmetic, and constant subgraphs of models that nobody folded. */
#define FOLD_LIMIT ((int64_t)1 << 22)

static int folds(const bt_frame* f, const bt_call* c) {
  const bt_node* node = &f->graph->nodes[c->node];
  if (c->op->flags & (BT_OP_RANDOM | BT_OP_SUBGRAPH)) return 0;
  if (c->op->flags & BT_OP_SHAPE) return node->in[0] >= 0 && bt_has_shape(c->in[0]);
  int64_t bytes = 0;
  for (int i = 0; i < node->n_in; ++i) {
    if (node->in[i] < 0) continue;
    const bt_slot* s = &f->slots[node->in[i]];
    if (s->place != BT_PLACE_FOLDED && (s->place != BT_PLACE_CONSTANT || !s->tensor.data)) return 0;
    bytes += (int64_t)bt_bytes(&s->tensor);
  }
  for (int i = 0; i < node->n_out; ++i)
    if (node->out[i] >= 0) bytes += (int64_t)bt_bytes(c->out[i]);
  return bytes <= FOLD_LIMIT;
}

static bt_status fold(bt_frame* f, bt_call* c) {
  const bt_node* node = &f->graph->nodes[c->node];
  bt_step* s = &f->steps[c->node];
  bt_status status = bt_step_prepare(c, s);
  for (int i = 0; i < node->n_out && status == BT_OK; ++i) {
    if (node->out[i] < 0) continue;
    bt_slot* slot = &f->slots[node->out[i]];
    slot->place = BT_PLACE_FOLDED;
    status = bt_slot_grow(c, slot);
  }
  void* scratch = status == BT_OK ? bt_alloc(s->scratch_bytes) : NULL;
  if (status == BT_OK && !scratch) status = bt_fail_memory(c);
  if (status == BT_OK) {
    c->scratch = scratch;
    if (c->op->flags & BT_OP_VIEW)
      memcpy(c->out[0]->data, c->in[0]->data, bt_bytes(c->out[0]));
    else
      status = s->half ? bt_half_run(c, s) : c->op->run(c);
  }
  bt_release(scratch);
  s->folded = 1;
  return status;
}

/* Output 0 of an operator that works element by element may take the place of an operand that
   dies here. */
static int reusable(const bt_frame* f, const bt_call* c, const int32_t* last_use, int i) {
  const bt_node* node = &f->graph->nodes[c->node];
  if (node->in[i] < 0) return 0;
  const int32_t root = bt_root_of(f, node->in[i]);
  if (f->slots[root].place != BT_PLACE_ARENA || last_use[root] != c->node) return 0;
  for (int k = 0; k < node->n_in; ++k) { /* no other operand may lie in the same bytes */
    if (k != i && node->in[k] >= 0 && bt_root_of(f, node->in[k]) == root) return 0;
  }
  const bt_tensor *x = c->in[i], *y = c->out[0];
  if (bt_dtype_size(x->dtype) != bt_dtype_size(y->dtype) || x->rank != y->rank) return 0;
  return memcmp(x->dims, y->dims, (size_t)x->rank * sizeof x->dims[0]) == 0;
}

static bt_status plan_node(bt_frame* f, int n, const int32_t* last_use) {
  const bt_node* node = &f->graph->nodes[n];
  bt_step* s = &f->steps[n];
  bt_call c;
  bt_call_begin(&c, f, n);
  BT_TRY(bt_call_infer(&c));
  int known_in = 1, known_out = 1;
  for (int i = 0; i < node->n_in; ++i)
    if (node->in[i] >= 0 && !bt_has_shape(c.in[i])) known_in = 0;
  for (int i = 0; i < node->n_out; ++i)
    if (node->out[i] >= 0 && !bt_has_shape(c.out[i])) known_out = 0;
  if (known_in && known_out && folds(f, &c)) return fold(f, &c);
  s->dynamic = !known_in || !known_out;
  for (int i = 0; i < node->n_out; ++i) {
    if (node->out[i] < 0) continue;
    f->slots[node->out[i]].place = s->dynamic ? BT_PLACE_HEAP : BT_PLACE_ARENA;
  }
  bt_slot* out = node->n_out > 0 && node->out[0] >= 0 ? &f->slots[node->out[0]] : NULL;
  if (out && c.op->flags & BT_OP_VIEW) out->view_of = bt_root_of(f, node->in[0]);
  if (s->dynamic) return BT_OK;
  if (out && c.op->flags & BT_OP_INPLACE)
    for (int i = 0; i < node->n_in && out->view_of < 0; ++i)
      if (reusable(f, &c, last_use, i)) out->view_of = bt_root_of(f, node->in[i]);
  return bt_step_prepare(&c, s);
}

bt_status bt_step_prepare(bt_call* c, bt_step* s) {
  if (bt_needs_half(c)) BT_TRY(bt_half_prepare(c, s));
  else if (c->op->prepare) BT_TRY(c->op->prepare(c));
  s->plan = c->plan;
  s->scratch_bytes = c->scratch_bytes;
  s->takes_pitch = c->takes_pitch && !s->half;
  return BT_OK;
}

static void forget(bt_frame* f) {
  bt_blocks_free(&f->plans);
  for (int i = 0; i < f->graph->n_values; ++i) {
    bt_slot* s = &f->slots[i];
    s->view_of = -1;
    s->offset = 0;
    s->pitch = 0;
    if (s->place == BT_PLACE_CONSTANT) continue;
    if (s->place != BT_PLACE_INPUT) s->place = BT_PLACE_NONE;
    s->tensor.data = NULL;
  }
  for (int n = 0; n < f->graph->n_nodes; ++n) {
    bt_step* s = &f->steps[n];
    bt_blocks_free(&s->blocks);
    s->plan = NULL;
    s->half = NULL;
    s->scratch_bytes = 0;
    s->folded = s->dynamic = s->takes_pitch = 0;
  }
}

static int same_shapes(const bt_frame* f, const bt_tensor* const* inputs) {
  if (!f->planned) return 0;
  for (int i = 0; i < f->graph->n_inputs; ++i) {
    const bt_tensor *a = &f->planned_inputs[i], *b = inputs[i];
    if (a->dtype != b->dtype || a->rank != b->rank) return 0;
    if (memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) != 0) return 0;
  }
  return 1;
}

/* The last node that reads each value itself; graph outputs are read by "node n_nodes". */
static int32_t* last_uses(const bt_graph* g) {
  int32_t* last = malloc(((size_t)g->n_values + 1) * sizeof *last);
  if (!last) return NULL;
  for (int i = 0; i < g->n_values; ++i) last[i] = -1;
  for (int n = 0; n < g->n_nodes; ++n)
    for (int i = 0; i < g->nodes[n].n_in; ++i)
      if (g->nodes[n].in[i] >= 0) last[g->nodes[n].in[i]] = n;
  for (int i = 0; i < g->n_outputs; ++i) last[g->outputs[i]] = g->n_nodes;
  return last;
}

static bt_status plan(bt_frame* f) {
  const bt_graph* g = f->graph;
  int32_t* last_use = last_uses(g);
  if (!last_use) return BT_NO_MEMORY;
  bt_status status = BT_OK;
  for (int n = 0; n < g->n_nodes && status == BT_OK; ++n) {
    status = plan_node(f, n, last_use);
    /* a view keeps what it looks at alive */
    for (int i = 0; i < g->nodes[n].n_out; ++i) {
      const int32_t v = g->nodes[n].out[i];
      if (v < 0) continue;
      const int32_t root = bt_root_of(f, v);
      if (last_use[root] < last_use[v]) last_use[root] = last_use[v];
    }
  }
  free(last_use);
  if (status == BT_OK) status = bt_join_in_place(f);
  return status == BT_OK ? bt_arena_layout(f) : status;
}

bt_status bt_frame_plan(bt_frame* f, const bt_tensor* const* inputs) {
  if (same_shapes(f, inputs)) return BT_OK;
  const bt_graph* g = f->graph;
  forget(f);
  f->planned = 0;
  for (int i = 0; i < g->n_inputs; ++i) {
    bt_tensor* t = &f->slots[g->inputs[i]].tensor;
    bt_set_like(t, inputs[i]);
    f->planned_inputs[i] = *inputs[i];
  }
  BT_TRY(plan(f));
  f->planned = 1;
  return BT_OK;
}
