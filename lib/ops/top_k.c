/* SPDX-License-Identifier: Apache-2.0
   TopK: the k largest (or smallest) entries along an axis, and their indices. Of equal entries the
   one with the lower index comes first; NaN counts as the largest number. The result is sorted
   whatever the attribute `sorted` says. */
#include <string.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/index.h"
#include "ops/shared/move.h"
#include "ops/shared/order.h"

enum { AXIS, LARGEST, SORTED };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = -1},
                                     {.name = "largest", .kind = BT_INT, .i = 1},
                                     {.name = "sorted", .kind = BT_INT, .i = 1},
                                     {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  BT_TRY(bt_need_type(c, 0, BT_TYPES_ORDERED));
  BT_TRY(bt_need_type(c, 1, BT_BIT(BT_I64)));
  BT_TRY(bt_need_one_element(c, 1, "k"));
  if (c->n_out > 1) c->out[1]->dtype = BT_I64;
  if (!bt_has_rank(x)) return BT_OK;
  int axis = 0;
  int64_t k = -1;
  BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
  if (bt_has_partial(c, 1)) BT_TRY(bt_value_dim(c, 1, 0, "k", &k));
  if (bt_known(x->dims[axis]) && k > x->dims[axis])
    return bt_fail(c, BT_BAD_INPUT, "k is %lld; the axis has a length of %lld", (long long)k,
                   (long long)x->dims[axis]);
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < x->rank; ++d) dims[d] = d == axis ? k : x->dims[d];
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  if (c->n_out > 1) bt_set_shape(c->out[1], BT_I64, x->rank, dims);
  return BT_OK;
}

/* ---- the best k of a row: a heap whose root is the worst of them ---- */

typedef struct entry {
  uint64_t key; /* smaller is better */
  int64_t index;
} entry;

static int worse(const entry* a, const entry* b) {
  return a->key != b->key ? a->key > b->key : a->index > b->index;
}

/* Lets the root sink to its place. */
static void sink(entry* heap, int64_t n) {
  const entry moved = heap[0];
  int64_t at = 0;
  for (int64_t child = 1; child < n; child = 2 * at + 1) {
    if (child + 1 < n && worse(&heap[child + 1], &heap[child])) ++child;
    if (!worse(&heap[child], &moved)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = moved;
}

/* Lets the last entry rise to its place. */
static void rise(entry* heap, int64_t n) {
  const entry moved = heap[n - 1];
  int64_t at = n - 1;
  while (at > 0 && worse(&moved, &heap[(at - 1) / 2])) {
    heap[at] = heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  heap[at] = moved;
}

/* ---- all rows ---- */

typedef struct job {
  const bt_tensor* x;
  unsigned char* values;
  int64_t* indices;
  bt_sides sides;
  int64_t k;
  uint64_t flip; /* turns a key round where the largest are wanted */
  entry* heaps;  /* one for each thread */
} job;

static void one_row(const job* j, int64_t outer, int64_t inner, entry* heap) {
  const bt_sides* s = &j->sides;
  const int64_t first = outer * s->length * s->inner + inner;
  int64_t n = 0;
  for (int64_t i = 0; i < s->length; ++i) {
    const entry e = {.key = bt_order_key(j->x, first + i * s->inner) ^ j->flip, .index = i};
    if (n < j->k) {
      heap[n++] = e;
      rise(heap, n);
    } else if (worse(&heap[0], &e)) {
      heap[0] = e;
      sink(heap, n);
    }
  }
  const size_t size = bt_dtype_size(j->x->dtype);
  while (n > 0) { /* the worst one goes to the end */
    const int64_t to = outer * j->k * s->inner + (n - 1) * s->inner + inner;
    if (j->values)
      memcpy(j->values + to * (int64_t)size, bt_element(j->x, first + heap[0].index * s->inner),
             size);
    if (j->indices) j->indices[to] = heap[0].index;
    heap[0] = heap[--n];
    sink(heap, n);
  }
}

static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  for (int64_t r = begin; r < end; ++r)
    one_row(j, r / j->sides.inner, r % j->sides.inner, j->heaps + thread * j->k);
}

static bt_status prepare(bt_call* c) {
  c->scratch_bytes = (size_t)bt_threads(c) * (size_t)bt_scalar_int(c->in[1]) * sizeof(entry);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int axis = (int)(c->attr[AXIS].i < 0 ? c->attr[AXIS].i + x->rank : c->attr[AXIS].i);
  job j = {.x = x, .sides = bt_sides_of(x, axis), .k = bt_scalar_int(c->in[1]), .heaps = c->scratch,
           .flip = c->attr[LARGEST].i ? UINT64_MAX : 0,
           .values = bt_wants(c, 0) ? c->out[0]->data : NULL,
           .indices = bt_wants(c, 1) ? c->out[1]->data : NULL};
  if (j.k == 0) return BT_OK;
  bt_parallel(c, j.sides.outer * j.sides.inner, 1 + 4096 / (j.sides.length + 1), rows, &j);
  return BT_OK;
}

const bt_op bt_op_top_k = {
    .name = "TopK", .summary = "The largest or smallest entries along an axis.", .attrs = attrs,
    .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 2, .layout = BT_LAYOUT_AXIS, .infer = infer,
    .prepare = prepare, .run = run};
