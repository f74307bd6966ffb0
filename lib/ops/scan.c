/* SPDX-License-Identifier: Apache-2.0
   Scan: runs a graph over the slices of its scanned inputs, one turn to each.

   Inputs: the carried values, num_scan_inputs scanned ones, then `captures` values that the graph takes
   from outside. The graph gets the carried values, the slices, the captures; it returns the carried
   values and one slice of every stacked output. Axes and directions (1: backwards) are given for each
   scanned input and each stacked output. */
#include <string.h>

#include "ops/shared/body.h"
#include "runtime/shape.h"

enum { BODY, CAPTURES, NUM_SCAN_INPUTS, IN_AXES, IN_DIRECTIONS, OUT_AXES, OUT_DIRECTIONS };
static const bt_attr_spec attrs[] = {{.name = "body", .kind = BT_GRAPH, .required = 1},
                                     {.name = "captures", .kind = BT_INT, .own = 1},
                                     {.name = "num_scan_inputs", .kind = BT_INT, .required = 1},
                                     {.name = "scan_input_axes", .kind = BT_INTS},
                                     {.name = "scan_input_directions", .kind = BT_INTS},
                                     {.name = "scan_output_axes", .kind = BT_INTS},
                                     {.name = "scan_output_directions", .kind = BT_INTS},
                                     {0}};

/* Element k of a list that may be absent (0). */
static int64_t listed(const bt_call* c, int attr, int k) {
  return c->attr[attr].n > k ? c->attr[attr].u.ints[k] : 0;
}

static bt_status need_directions(bt_call* c, int attr) {
  for (int i = 0; i < c->attr[attr].n; ++i)
    if (c->attr[attr].u.ints[i] != 0 && c->attr[attr].u.ints[i] != 1)
      return bt_fail(c, BT_BAD_INPUT, "%s has an element %lld; 0 and 1 are directions",
                     attrs[attr].name, (long long)c->attr[attr].u.ints[i]);
  return BT_OK;
}

static bt_status need_list(bt_call* c, int attr, int n) {
  const int32_t given = c->attr[attr].n;
  if (given != 0 && given != n)
    return bt_fail(c, BT_BAD_INPUT, "%s has %d elements; one for each of %d is needed",
                   attrs[attr].name, given, n);
  return BT_OK;
}

/* Fills the counts of `b`; the rest of the inputs are `*scans` scanned ones and the captures. */
static bt_status measure(bt_call* c, bt_body* b, int* scans) {
  const int64_t captures = c->attr[CAPTURES].i, given = c->attr[NUM_SCAN_INPUTS].i;
  if (given < 1 || captures < 0 || captures > c->n_in || given > c->n_in - captures)
    return bt_fail(c, BT_BAD_INPUT, "num_scan_inputs is %lld; a number from 1 to %lld is needed",
                   (long long)given, (long long)(c->n_in - captures));
  *scans = (int)given;
  const int states = c->n_in - *scans - (int)captures;
  if (states > c->n_out)
    return bt_fail(c, BT_BAD_INPUT, "carries %d values, but has %d outputs", states, c->n_out);
  for (int i = 0; i < c->n_in; ++i)
    if (!c->in[i]) return bt_fail(c, BT_BAD_INPUT, "input %d is missing", i);
  BT_TRY(need_list(c, IN_AXES, *scans));
  BT_TRY(need_list(c, IN_DIRECTIONS, *scans));
  BT_TRY(need_list(c, OUT_AXES, c->n_out - states));
  BT_TRY(need_list(c, OUT_DIRECTIONS, c->n_out - states));
  BT_TRY(need_directions(c, IN_DIRECTIONS));
  BT_TRY(need_directions(c, OUT_DIRECTIONS));
  *b = (bt_body){.graph = c->attr[BODY].u.graph, .n_in = c->n_in, .n_out = c->n_out,
                 .states = states};
  return BT_OK;
}

/* Types of the graph's inputs: scanned ones lose their axis. `*length` is the number of turns. */
static bt_status fill_inputs(bt_call* c, bt_body* b, int scans, int64_t* length) {
  *length = -1;
  for (int i = 0; i < c->n_in; ++i) {
    b->own[i] = *c->in[i];
    if (i < b->states || i >= b->states + scans || !bt_has_rank(c->in[i])) continue;
    int axis = 0;
    BT_TRY(bt_need_rank_between(c, i, 1, BT_MAX_RANK));
    BT_TRY(bt_need_axis(c, listed(c, IN_AXES, i - b->states), c->in[i]->rank, "scan_input_axes", &axis));
    const int64_t n = c->in[i]->dims[axis];
    if (bt_clash(*length, n))
      return bt_fail(c, BT_BAD_INPUT, "input %d has %lld slices, the ones before it %lld", i,
                     (long long)n, (long long)*length);
    *length = bt_agree(*length, n);
    bt_tensor* slice = &b->own[i];
    --slice->rank;
    for (int d = axis; d < slice->rank; ++d) slice->dims[d] = slice->dims[d + 1];
  }
  return BT_OK;
}

/* Shape of stacked output i (of the node) of such slices. */
static bt_status stacked(bt_call* c, const bt_body* b, int i, const bt_tensor* slice, int64_t length,
                         int64_t dims[BT_MAX_RANK], int* axis) {
  BT_TRY(bt_need_max_rank(c, (int64_t)slice->rank + 1));
  BT_TRY(bt_need_axis(c, listed(c, OUT_AXES, i - b->states), slice->rank + 1, "scan_output_axes", axis));
  for (int d = 0; d <= slice->rank; ++d)
    dims[d] = d == *axis ? length : slice->dims[d < *axis ? d : d - 1];
  return BT_OK;
}

static bt_status infer_body(bt_call* c, bt_body* b, int scans) {
  int64_t length = -1;
  BT_TRY(fill_inputs(c, b, scans, &length));
  BT_TRY(bt_body_infer(c, b));
  for (int i = 0; i < c->n_out; ++i) {
    const bt_tensor* t = i < b->states ? &b->own[i] : &b->out[i];
    bt_set_like(c->out[i], t);
    if (i < b->states || !bt_has_rank(t)) continue;
    int64_t dims[BT_MAX_RANK];
    int axis = 0;
    BT_TRY(stacked(c, b, i, t, length, dims, &axis));
    bt_set_shape(c->out[i], t->dtype, t->rank + 1, dims);
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  bt_body b;
  int scans = 0;
  BT_TRY(measure(c, &b, &scans));
  void* memory = bt_alloc_scratch(c, bt_body_bytes(&b));
  if (!memory) return bt_fail_memory(c);
  bt_body_place(&b, memory);
  const bt_status status = infer_body(c, &b, scans);
  bt_free_scratch(memory);
  return status;
}

/* ---- running ---- */

/* Where slice 0 lies in a whole tensor: `rows` pieces of `bytes`, `step` apart. */
typedef struct place {
  int64_t rows;
  size_t bytes, step;
} place;

static place place_of(const bt_tensor* whole, int axis) {
  const size_t bytes = (size_t)bt_extent(whole, axis + 1, whole->rank) * bt_dtype_size(whole->dtype);
  return (place){bt_extent(whole, 0, axis), bytes, bytes * (size_t)whole->dims[axis]};
}

static void take(const bt_tensor* whole, int axis, int64_t at, void* slice) {
  const place p = place_of(whole, axis);
  const unsigned char* from = (const unsigned char*)whole->data + (size_t)at * p.bytes;
  for (int64_t r = 0; p.bytes && r < p.rows; ++r)
    memcpy((unsigned char*)slice + (size_t)r * p.bytes, from + (size_t)r * p.step, p.bytes);
}

static void give(bt_tensor* whole, int axis, int64_t at, const void* slice) {
  const place p = place_of(whole, axis);
  unsigned char* to = (unsigned char*)whole->data + (size_t)at * p.bytes;
  for (int64_t r = 0; p.bytes && r < p.rows; ++r)
    memcpy(to + (size_t)r * p.step, (const unsigned char*)slice + (size_t)r * p.bytes, p.bytes);
}

typedef struct scan {
  bt_body body;
  int scans;
  int64_t length;
  bt_carry* carries;
  unsigned char* slices;
} scan;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

static size_t slice_bytes(const bt_call* c, const bt_body* b, int scans) {
  size_t bytes = 0;
  for (int i = b->states; i < b->states + scans; ++i) bytes += align(bt_bytes(c->in[i])); /* at most */
  return bytes;
}

static size_t list_bytes(const bt_body* b) {
  return align((size_t)b->states * sizeof(bt_carry) + bt_body_bytes(b));
}

static bt_status prepare(bt_call* c) {
  bt_body b;
  int scans = 0;
  BT_TRY(measure(c, &b, &scans));
  c->scratch_bytes = list_bytes(&b) + slice_bytes(c, &b, scans);
  return BT_OK;
}

static bt_status give_slice(bt_call* c, const scan* s, int i, int64_t turn) {
  const bt_tensor* slice = &s->body.out[i];
  int64_t dims[BT_MAX_RANK];
  int axis = 0;
  BT_TRY(stacked(c, &s->body, i, slice, s->length, dims, &axis));
  BT_TRY(bt_fit_output(c, i, slice->dtype, slice->rank + 1, dims));
  if (!bt_wants(c, i) || s->length == 0) return BT_OK;
  const int backwards = listed(c, OUT_DIRECTIONS, i - s->body.states) != 0;
  give(c->out[i], axis, backwards ? s->length - 1 - turn : turn, slice->data);
  return BT_OK;
}

static bt_status one_turn(bt_call* c, scan* s, int64_t turn) {
  bt_body* b = &s->body;
  BT_TRY(bt_count_turn(c));
  for (int i = b->states; i < b->states + s->scans; ++i) {
    int axis = 0;
    BT_TRY(bt_need_axis(c, listed(c, IN_AXES, i - b->states), c->in[i]->rank, "scan_input_axes", &axis));
    const int backwards = listed(c, IN_DIRECTIONS, i - b->states) != 0;
    take(c->in[i], axis, backwards ? s->length - 1 - turn : turn, b->own[i].data);
  }
  BT_TRY(bt_run_graph(c, b->graph, b->in, b->n_in, b->out, b->n_out));
  for (int i = b->states; i < c->n_out; ++i) BT_TRY(give_slice(c, s, i, turn));
  for (int i = 0; i < b->states; ++i)
    BT_TRY(bt_carry_take(c, &s->carries[i], &b->out[i], &b->own[i]));
  return BT_OK;
}

static bt_status turns(bt_call* c, scan* s) {
  bt_body* b = &s->body;
  BT_TRY(fill_inputs(c, b, s->scans, &s->length));
  unsigned char* at = s->slices;
  for (int i = b->states; i < b->states + s->scans; ++i) {
    b->own[i].data = at;
    at += align(bt_bytes(&b->own[i]));
  }
  for (int64_t turn = 0; turn < s->length; ++turn) BT_TRY(one_turn(c, s, turn));
  if (s->length == 0) {
    BT_TRY(bt_infer_graph(c, b->graph, b->in, b->n_in, b->out, b->n_out));
    for (int i = b->states; i < c->n_out; ++i) {
      bt_shape_of_none(b, i, &b->out[i]);
      BT_TRY(give_slice(c, s, i, 0));
    }
  }
  for (int i = 0; i < b->states; ++i) BT_TRY(bt_give_output(c, i, &b->own[i]));
  return BT_OK;
}

static bt_status run(bt_call* c) {
  scan s = {0};
  BT_TRY(measure(c, &s.body, &s.scans));
  memset(c->scratch, 0, list_bytes(&s.body));
  s.carries = c->scratch;
  s.slices = (unsigned char*)c->scratch + list_bytes(&s.body);
  bt_body_place(&s.body, s.carries + s.body.states);
  const bt_status status = turns(c, &s);
  for (int i = 0; i < s.body.states; ++i) bt_carry_free(&s.carries[i]);
  return status;
}

const bt_op bt_op_scan = {
    .name = "Scan", .summary = "A graph run over the slices of its inputs.", .attrs = attrs,
    .in_min = 1, .in_max = BT_MANY, .out_min = 1, .out_max = BT_MANY, .flags = BT_OP_SUBGRAPH,
    .infer = infer, .prepare = prepare, .run = run};
