/* SPDX-License-Identifier: Apache-2.0
   Joins that cost nothing: a value that only a join reads (Concat) is made where it will lie in the
   result. It becomes a part of the result's bytes, which live from the first part on. */
#include <stdlib.h>

#include "runtime/frame.h"
#include "runtime/shape.h"

/* For every value: how many operands and graph outputs it is, and the node that makes it. */
typedef struct use {
  int32_t readers, maker;
} use;

static use* uses_of(const bt_graph* g) {
  use* uses = calloc((size_t)g->n_values + 1, sizeof *uses);
  if (!uses) return NULL;
  for (int i = 0; i < g->n_values; ++i) uses[i].maker = -1;
  for (int n = 0; n < g->n_nodes; ++n) {
    const bt_node* node = &g->nodes[n];
    for (int i = 0; i < node->n_in; ++i)
      if (node->in[i] >= 0) ++uses[node->in[i]].readers;
    for (int i = 0; i < node->n_out; ++i)
      if (node->out[i] >= 0) uses[node->out[i]].maker = n;
  }
  for (int i = 0; i < g->n_outputs; ++i) ++uses[g->outputs[i]].readers;
  return uses;
}

/* Only the join reads value v, stored as it stores its result, and v has bytes of its own that no
   parts of its own lie in. */
static int may_move(const bt_frame* f, const use* uses, int32_t v, const bt_slot* whole) {
  const bt_slot* s = &f->slots[v];
  return s->place == BT_PLACE_ARENA && s->view_of < 0 && uses[v].readers == 1 && uses[v].maker >= 0 &&
         s->tensor.dtype == whole->tensor.dtype &&
         bt_is_same_quant(s->tensor.quant, whole->tensor.quant) &&
         !(f->graph->nodes[uses[v].maker].op->flags & (BT_OP_SUBGRAPH | BT_OP_JOIN));
}

static int takes_pitch(const bt_frame* f, int n, int32_t v) {
  return f->steps[n].takes_pitch && f->graph->nodes[n].out[0] == v;
}

static void join(bt_frame* f, const use* uses, const bt_node* node) {
  const int32_t result = node->out[0];
  const bt_slot* whole = &f->slots[result];
  const int rank = whole->tensor.rank, axis = (int)(node->attrs[0].i + (node->attrs[0].i < 0 ? rank : 0));
  int64_t outer = 1;
  for (int d = 0; d < axis; ++d) outer *= whole->tensor.dims[d];
  if (outer == 0) return;
  const int in_rows = outer > 1; /* side by side in every row, not one behind the other */
  if (in_rows && axis != rank - 1) return;
  size_t at = 0;
  for (int i = 0; i < node->n_in; ++i) {
    const int32_t v = node->in[i];
    bt_slot* part = &f->slots[v];
    const size_t bytes = bt_bytes(&part->tensor);
    if (bytes && may_move(f, uses, v, whole) && (!in_rows || takes_pitch(f, uses[v].maker, v))) {
      part->view_of = result;
      part->offset = at;
      part->pitch = in_rows ? whole->tensor.dims[axis] : 0;
    }
    at += bytes / (size_t)outer;
  }
}

bt_status bt_join_in_place(bt_frame* f) {
  const bt_graph* g = f->graph;
  use* uses = NULL;
  for (int n = 0; n < g->n_nodes; ++n) {
    const bt_node* node = &g->nodes[n];
    if (!(node->op->flags & BT_OP_JOIN) || f->steps[n].dynamic || f->steps[n].folded) continue;
    if (f->steps[n].half || node->out[0] < 0) continue;
    const bt_slot* whole = &f->slots[node->out[0]];
    if (whole->place != BT_PLACE_ARENA || whole->view_of >= 0) continue; /* a join of joins is copied */
    if (!uses) uses = uses_of(g);
    if (!uses) return BT_NO_MEMORY;
    join(f, uses, node);
  }
  free(uses);
  return BT_OK;
}
