/* SPDX-License-Identifier: Apache-2.0
   Frames: memory, constants, and the one-time packing of weights. */
#include "runtime/frame.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/half.h"
#include "runtime/shape.h"

/* ---- memory ---- */

static void* alloc(size_t bytes, int zeroed) {
  if (bytes > SIZE_MAX - 2 * BT_ALIGN) return NULL;
  const size_t room = bytes + BT_ALIGN + sizeof(void*);
  unsigned char* raw = zeroed ? calloc(room, 1) : malloc(room);
  if (!raw) return NULL;
  uintptr_t at = ((uintptr_t)raw + sizeof(void*) + BT_ALIGN - 1) / BT_ALIGN * BT_ALIGN;
  ((void**)at)[-1] = raw;
  return (void*)at;
}

void* bt_alloc(size_t bytes) { return alloc(bytes, 0); }

void bt_release(void* p) {
  if (p) free(((void**)p)[-1]);
}

/* Head of a block; what is handed out follows, BT_ALIGN behind the start. */
typedef struct block {
  struct block* next;
  size_t used, size;
} block;
#define BLOCK_BYTES ((size_t)64 * 1024)

void* bt_blocks_get(bt_blocks* b, size_t bytes) {
  if (bytes > SIZE_MAX / 2) return NULL;
  bytes = (bytes + BT_ALIGN) / BT_ALIGN * BT_ALIGN; /* never 0 */
  block* at = b->first;
  if (!at || at->size - at->used < bytes) {
    const size_t size = bytes > BLOCK_BYTES / 4 ? bytes : BLOCK_BYTES;
    block* fresh = alloc(BT_ALIGN + size, 1); /* large ones come from the system as zeros */
    if (!fresh) return NULL;
    fresh->size = size;
    if (at && size == bytes) { /* a large one of its own: the open block stays in front */
      fresh->used = size;
      fresh->next = at->next;
      at->next = fresh;
      return (unsigned char*)fresh + BT_ALIGN;
    }
    fresh->next = at;
    b->first = at = fresh;
  }
  void* p = (unsigned char*)at + BT_ALIGN + at->used;
  at->used += bytes;
  return p;
}

void bt_blocks_free(bt_blocks* b) {
  for (block* at = b->first; at;) {
    block* next = at->next;
    bt_release(at);
    at = next;
  }
  b->first = NULL;
}

/* ---- calls ---- */

void bt_call_begin(bt_call* c, bt_frame* f, int n) {
  const bt_node* node = &f->graph->nodes[n];
  const bt_step* s = &f->steps[n];
  for (int i = 0; i < node->n_in; ++i)
    f->in[i] = node->in[i] < 0 ? NULL : &f->slots[node->in[i]].tensor;
  for (int i = 0; i < node->n_out; ++i)
    f->out[i] = node->out[i] < 0 ? &f->unused : &f->slots[node->out[i]].tensor;
  *c = (bt_call){.op = node->op, .name = node->name, .n_in = node->n_in, .n_out = node->n_out,
                 .in = f->in, .out = f->out, .attr = node->attrs, .env = f->env, .owner = f,
                 .node = n, .weights = s->weights, .plan = s->plan,
                 .scratch_bytes = s->scratch_bytes};
  if (node->n_out > 0 && node->out[0] >= 0) c->pitch = f->slots[node->out[0]].pitch;
}

/* ---- constants ---- */

static void drop_constant(bt_slot* s) {
  if (s->owned) bt_release(s->tensor.data);
  s->owned = 0;
  s->tensor.data = NULL;
}

/* While a frame is set up. */
typedef struct loading {
  int32_t* packed_by; /* of each value: 1 + the last node that packed this constant; 0: none */
  uint64_t* loaded;   /* of each node: bt_call.loaded */
} loading;

int bt_is_same_quant(const bt_quant* a, const bt_quant* b) {
  if (a == b) return 1;
  if (!a || !b || a->n != b->n || a->axis != b->axis || !a->zero != !b->zero) return 0;
  return memcmp(a->scale, b->scale, (size_t)a->n * sizeof *a->scale) == 0 &&
         (!a->zero || memcmp(a->zero, b->zero, (size_t)a->n * sizeof *a->zero) == 0);
}

/* What is known of the values before a run is the same. */
static int is_same_value(const bt_frame* f, int32_t a, int32_t b) {
  if (a == b) return 1;
  if (a < 0 || b < 0) return 0;
  const bt_tensor *x = &f->slots[a].tensor, *y = &f->slots[b].tensor;
  return !x->constant && !y->constant && x->dtype == y->dtype && x->rank == y->rank &&
         memcmp(x->dims, y->dims, sizeof x->dims) == 0 && bt_is_same_quant(x->quant, y->quant);
}

static int packs_alike(const bt_frame* f, const bt_node* a, const bt_node* b) {
  if (a->op != b->op || a->n_in != b->n_in || a->n_out != b->n_out) return 0;
  for (int i = 0; i < a->n_in; ++i)
    if (!is_same_value(f, a->in[i], b->in[i])) return 0;
  for (int i = 0; i < a->n_out; ++i)
    if (!is_same_value(f, a->out[i], b->out[i])) return 0;
  int attrs = 0;
  while (a->op->attrs && a->op->attrs[attrs].name) ++attrs;
  return attrs == 0 || memcmp(a->attrs, b->attrs, (size_t)attrs * sizeof *a->attrs) == 0;
}

/* An earlier node whose packed weights serve node n as well, or -1. The steps of a recurrent cell
   that is written out share theirs: without this each would have a copy. */
static int find_twin(const bt_frame* f, const loading* l, int n) {
  const bt_node* node = &f->graph->nodes[n];
  for (int i = 0; i < node->n_in; ++i) {
    const int twin = node->in[i] < 0 ? -1 : l->packed_by[node->in[i]] - 1;
    if (twin >= 0) return packs_alike(f, node, &f->graph->nodes[twin]) ? twin : -1;
  }
  return -1;
}

/* Lets a node pack its constants. */
static bt_status pack(bt_frame* f, const loading* l, int n) {
  bt_call c;
  bt_call_begin(&c, f, n);
  if (!c.op->load) return BT_OK;
  if (bt_needs_half(&c)) {
    BT_TRY(bt_half_load(&c));
  } else {
    const int twin = find_twin(f, l, n);
    if (twin >= 0) {
      c.weights = f->steps[twin].weights;
      c.loaded = l->loaded[twin];
    } else {
      BT_TRY(c.op->load(&c));
    }
    for (int i = 0; i < c.n_in && c.weights; ++i)
      if (c.in[i] && c.in[i]->constant) l->packed_by[f->graph->nodes[n].in[i]] = n + 1;
  }
  f->steps[n].weights = c.weights;
  l->loaded[n] = c.loaded;
  return BT_OK;
}

/* Decodes what node n reads, lets it pack, and frees what nobody needs any more. */
static bt_status load_node(bt_frame* f, const loading* l, int n) {
  const bt_node* node = &f->graph->nodes[n];
  for (int i = 0; i < node->n_in; ++i) {
    if (node->in[i] < 0) continue;
    bt_slot* s = &f->slots[node->in[i]];
    const bt_value* v = &f->graph->values[node->in[i]];
    if (s->place != BT_PLACE_CONSTANT || s->tensor.data) continue;
    BT_TRY(bt_decode(f->env, v, &s->tensor.data));
    s->owned = 1;
  }
  BT_TRY(pack(f, l, n));
  f->steps[n].loaded = 1;
  for (int i = 0; i < node->n_in; ++i) {
    if (node->in[i] < 0) continue;
    bt_slot* s = &f->slots[node->in[i]];
    if (s->place != BT_PLACE_CONSTANT) continue;
    if (!(i < 64 && (l->loaded[n] >> i & 1))) s->keep = 1;
    if (--s->readers == 0 && !s->keep) drop_constant(s);
  }
  return BT_OK;
}

static bt_status set_up(bt_frame* f) {
  const bt_graph* g = f->graph;
  int widest_in = 1, widest_out = 1;
  for (int n = 0; n < g->n_nodes; ++n) {
    if (g->nodes[n].n_in > widest_in) widest_in = g->nodes[n].n_in;
    if (g->nodes[n].n_out > widest_out) widest_out = g->nodes[n].n_out;
  }
  f->slots = calloc((size_t)g->n_values + 1, sizeof *f->slots);
  f->steps = calloc((size_t)g->n_nodes + 1, sizeof *f->steps);
  f->in = calloc((size_t)widest_in, sizeof *f->in);
  f->out = calloc((size_t)widest_out, sizeof *f->out);
  f->planned_inputs = calloc((size_t)g->n_inputs + 1, sizeof *f->planned_inputs);
  if (!f->slots || !f->steps || !f->in || !f->out || !f->planned_inputs) return BT_NO_MEMORY;
  for (int i = 0; i < g->n_values; ++i) {
    const bt_value* v = &g->values[i];
    bt_slot* s = &f->slots[i];
    s->view_of = -1;
    s->tensor.quant = v->quant;
    s->tensor.dtype = v->dtype;
    s->tensor.rank = v->rank;
    memcpy(s->tensor.dims, v->dims, sizeof v->dims);
    if (bt_is_constant(v)) {
      s->place = BT_PLACE_CONSTANT;
      s->tensor.constant = 1;
      s->tensor.data = (void*)(uintptr_t)v->data; /* read-only by contract */
    }
  }
  for (int i = 0; i < g->n_inputs; ++i) f->slots[g->inputs[i]].place = BT_PLACE_INPUT;
  for (int n = 0; n < g->n_nodes; ++n)
    for (int i = 0; i < g->nodes[n].n_in; ++i)
      if (g->nodes[n].in[i] >= 0) ++f->slots[g->nodes[n].in[i]].readers;
  for (int i = 0; i < g->n_outputs; ++i) {
    bt_slot* s = &f->slots[g->outputs[i]];
    if (s->place != BT_PLACE_CONSTANT) continue;
    s->keep = 1;
    if (!s->tensor.data) {
      BT_TRY(bt_decode(f->env, &g->values[g->outputs[i]], &s->tensor.data));
      s->owned = 1;
    }
  }
  const loading l = {.packed_by = calloc((size_t)g->n_values + 1, sizeof *l.packed_by),
                     .loaded = calloc((size_t)g->n_nodes + 1, sizeof *l.loaded)};
  bt_status status = l.packed_by && l.loaded ? BT_OK : BT_NO_MEMORY;
  for (int n = 0; n < g->n_nodes && status == BT_OK; ++n) status = load_node(f, &l, n);
  free(l.packed_by);
  free(l.loaded);
  return status;
}

bt_status bt_frame_create(bt_env* env, const bt_graph* graph, bt_frame** frame) {
  bt_frame* f = calloc(1, sizeof *f);
  *frame = f;
  if (!f) return BT_NO_MEMORY;
  f->env = env;
  f->graph = graph;
  f->unused.rank = -1;
  f->next = env->frames;
  env->frames = f;
  return set_up(f);
}

void bt_frame_destroy(bt_frame* f) {
  if (!f) return;
  for (int i = 0; f->slots && i < f->graph->n_values; ++i) {
    if (f->slots[i].owned) bt_release(f->slots[i].tensor.data);
    bt_release(f->slots[i].buffer);
  }
  for (int n = 0; f->steps && n < f->graph->n_nodes; ++n) bt_blocks_free(&f->steps[n].blocks);
  bt_blocks_free(&f->weights);
  bt_blocks_free(&f->plans);
  bt_release(f->arena);
  free(f->slots);
  free(f->steps);
  free((void*)f->in);
  free(f->out);
  free(f->planned_inputs);
  free(f);
}

const bt_tensor* bt_frame_output(const bt_frame* f, int i) {
  return &f->slots[f->graph->outputs[i]].tensor;
}

size_t bt_frame_bytes(const bt_frame* f) {
  size_t bytes = f->arena_bytes;
  for (int i = 0; i < f->graph->n_values; ++i) bytes += f->slots[i].capacity;
  return bytes;
}
