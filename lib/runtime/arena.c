/* SPDX-License-Identifier: Apache-2.0
   The arena: one block for all activations, with an offset for each. Two values whose lifetimes
   overlap never share bytes. Values are placed from large to small, each at the lowest offset that
   is free during its life (Pisarchyk and Lee 2020, "greedy by size"); long graphs, where that would
   take quadratic time, are placed in order of execution instead. */
#include <stdlib.h>
#include <string.h>

#include "runtime/frame.h"
#include "runtime/shape.h"

#define GREEDY_LIMIT 3000
/* In order of execution, so many values are looked at for a gap. A graph with thousands of outputs has
   as many live values, and the arena just grows: one look at each of them per step would be quadratic. */
#define LOOK_LIMIT 512

typedef struct item {
  size_t bytes, offset;
  int32_t begin, end; /* first and last step that needs the bytes, inclusive */
  int32_t index;      /* value, or -1 - step for a scratch */
} item;

static int by_size(const void* a, const void* b) {
  const item *x = a, *y = b;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->index < y->index ? -1 : 1;
}
static int by_begin(const void* a, const void* b) {
  const item *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return by_size(a, b);
}

/* Lowest offset for `t` among the first `look` of `n` placed items sorted by offset; where they leave no
   gap, `end`, behind all of them. Then t is inserted. */
static void place(item** placed, int n, item* t, int look, size_t end) {
  size_t at = 0;
  int i = 0;
  for (; i < n && i < look; ++i) {
    const item* p = placed[i];
    if (p->end < t->begin || p->begin > t->end) continue;
    if (p->offset >= at + t->bytes) break;
    if (p->offset + p->bytes > at) at = p->offset + p->bytes;
  }
  t->offset = i == look && look < n ? end : at;
  for (i = n; i > 0 && placed[i - 1]->offset > t->offset; --i) placed[i] = placed[i - 1];
  placed[i] = t;
}

static size_t top(const item* items, int n) {
  size_t bytes = 0;
  for (int i = 0; i < n; ++i)
    if (items[i].offset + items[i].bytes > bytes) bytes = items[i].offset + items[i].bytes;
  return bytes;
}

static size_t greedy(item* items, int n, item** placed) {
  qsort(items, (size_t)n, sizeof *items, by_size);
  for (int i = 0; i < n; ++i) place(placed, i, &items[i], n, 0);
  return top(items, n);
}

/* Ended values are dropped when an eighth of the list may have ended: often enough, and not at every step. */
static size_t in_order(item* items, int n, item** placed) {
  qsort(items, (size_t)n, sizeof *items, by_begin);
  int live = 0, next_sweep = 0;
  size_t end = 0; /* of all in the list */
  for (int i = 0; i < n; ++i) {
    if (i >= next_sweep) {
      int kept = 0;
      end = 0;
      for (int k = 0; k < live; ++k) {
        if (placed[k]->end < items[i].begin) continue;
        placed[kept++] = placed[k];
        const size_t behind = placed[k]->offset + placed[k]->bytes;
        if (behind > end) end = behind;
      }
      live = kept;
      next_sweep = i + 1 + live / 8;
    }
    place(placed, live++, &items[i], LOOK_LIMIT, end);
    const size_t behind = items[i].offset + items[i].bytes;
    if (behind > end) end = behind;
  }
  return top(items, n);
}

/* Fills items with every arena root and scratch; returns how many. */
static int collect(const bt_frame* f, item* items, int32_t* item_of) {
  const bt_graph* g = f->graph;
  int n = 0;
  for (int i = 0; i < g->n_values; ++i) item_of[i] = -1;
  for (int s = 0; s < g->n_nodes; ++s) {
    const bt_node* node = &g->nodes[s];
    for (int i = 0; i < node->n_in; ++i) {
      if (node->in[i] < 0) continue;
      const int32_t k = item_of[bt_root_of(f, node->in[i])];
      if (k >= 0) items[k].end = s;
    }
    for (int i = 0; i < node->n_out; ++i) {
      if (node->out[i] < 0) continue;
      const int32_t v = bt_root_of(f, node->out[i]); /* of a part of what a later node joins: the whole */
      if (f->slots[v].place != BT_PLACE_ARENA || item_of[v] >= 0) continue;
      const size_t bytes = (bt_bytes(&f->slots[v].tensor) + BT_ALIGN - 1) / BT_ALIGN * BT_ALIGN;
      item_of[v] = n;
      items[n++] = (item){.bytes = bytes, .begin = s, .end = s, .index = v};
    }
    if (f->steps[s].scratch_bytes && !f->steps[s].dynamic && !f->steps[s].folded) {
      const size_t bytes = (f->steps[s].scratch_bytes + BT_ALIGN - 1) / BT_ALIGN * BT_ALIGN;
      items[n++] = (item){.bytes = bytes, .begin = s, .end = s, .index = -1 - s};
    }
  }
  for (int i = 0; i < g->n_outputs; ++i) {
    const int32_t k = item_of[bt_root_of(f, g->outputs[i])];
    if (k >= 0) items[k].end = g->n_nodes;
  }
  return n;
}

bt_status bt_arena_layout(bt_frame* f) {
  const bt_graph* g = f->graph;
  const size_t most = (size_t)g->n_values + (size_t)g->n_nodes + 1;
  item* items = malloc(most * sizeof *items);
  item** placed = malloc(most * sizeof *placed);
  int32_t* item_of = malloc(((size_t)g->n_values + 1) * sizeof *item_of);
  bt_status status = items && placed && item_of ? BT_OK : BT_NO_MEMORY;
  if (status == BT_OK) {
    const int n = collect(f, items, item_of);
    const size_t bytes = n <= GREEDY_LIMIT ? greedy(items, n, placed) : in_order(items, n, placed);
    bt_call c = {.env = f->env, .op = NULL};
    f->arena_bytes = bytes;
    if (bytes + BT_ALIGN > f->arena_capacity) {
      bt_release(f->arena);
      f->arena = NULL;
      f->env->held -= f->arena_capacity;
      f->arena_capacity = 0;
      status = bt_check_bytes(&c, bytes);
      /* the last kernel may read a little past its row */
      if (status == BT_OK) f->arena = bt_alloc(bytes + BT_ALIGN);
      if (f->arena) f->arena_capacity = bytes + BT_ALIGN;
      else if (status == BT_OK)
        status = bt_fail(&c, BT_NO_MEMORY, "no memory for %zu bytes of activations", bytes);
      f->env->held += f->arena_capacity;
    }
    for (int i = 0; i < n && status == BT_OK; ++i) {
      if (items[i].index < 0) f->steps[-1 - items[i].index].scratch_offset = items[i].offset;
      else f->slots[items[i].index].tensor.data = f->arena + items[i].offset;
    }
    for (int s = 0; s < g->n_nodes && status == BT_OK; ++s)
      for (int i = 0; i < g->nodes[s].n_out; ++i) { /* what shares another value's bytes */
        const int32_t v = g->nodes[s].out[i];
        if (v < 0 || f->slots[v].view_of < 0 || f->slots[v].place != BT_PLACE_ARENA) continue;
        const bt_slot* root = &f->slots[f->slots[v].view_of];
        f->slots[v].tensor.data = (unsigned char*)root->tensor.data + f->slots[v].offset;
      }
  }
  free(items);
  free(placed);
  free(item_of);
  return status;
}
