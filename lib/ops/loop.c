/* SPDX-License-Identifier: Apache-2.0
   Loop: runs a graph again and again, at most M times (input 0, optional) and while a condition holds
   (input 1, optional; then what the graph returns).

   Inputs behind these: the carried values, then `captures` values that the graph takes from outside.
   The graph gets the number of the turn, the condition, the carried values, the captures; it returns
   the condition, the carried values, and results that are stacked, one slice to a turn. */
#include <string.h>

#include "ops/shared/body.h"
#include "ops/shared/elementwise.h"
#include "runtime/shape.h"

enum { BODY, CAPTURES };
static const bt_attr_spec attrs[] = {{.name = "body", .kind = BT_GRAPH, .required = 1},
                                     {.name = "captures", .kind = BT_INT, .own = 1},
                                     {0}};
enum { TURNS, CONDITION, STATES }; /* the node's inputs, and the graph's */

/* Fills the counts of `b`. */
static bt_status measure(bt_call* c, bt_body* b) {
  const int64_t captures = c->attr[CAPTURES].i;
  if (captures < 0 || captures > c->n_in - STATES)
    return bt_fail(c, BT_BAD_INPUT, "has %d inputs, too few for %lld captures", c->n_in,
                   (long long)captures);
  const int states = c->n_in - STATES - (int)captures;
  if (states > c->n_out)
    return bt_fail(c, BT_BAD_INPUT, "carries %d values, but has %d outputs", states, c->n_out);
  for (int i = STATES; i < c->n_in; ++i)
    if (!c->in[i]) return bt_fail(c, BT_BAD_INPUT, "input %d is missing", i);
  *b = (bt_body){.graph = c->attr[BODY].u.graph, .n_in = c->n_in, .n_out = c->n_out + 1,
                 .first_in = STATES, .first_out = 1, .states = states};
  return BT_OK;
}

/* What every turn gets; the operator's own inputs lie in `own`. */
static void fill_inputs(const bt_call* c, bt_body* b) {
  bt_set_scalar(&b->own[TURNS], BT_I64);
  bt_set_scalar(&b->own[CONDITION], BT_BOOL);
  for (int i = STATES; i < c->n_in; ++i)
    if (i < STATES + b->states) b->own[i] = *c->in[i];
    else b->in[i] = c->in[i];
}

static bt_status infer_body(bt_call* c, bt_body* b) {
  fill_inputs(c, b);
  BT_TRY(bt_body_infer(c, b));
  if (b->out[0].dtype != BT_BOOL)
    return bt_fail(c, BT_BAD_INPUT, "its graph returns a condition of type %s; bool is needed",
                   bt_dtype_name(b->out[0].dtype));
  for (int k = 0; k < c->n_out; ++k) {
    const bt_tensor* t = k < b->states ? &b->own[STATES + k] : &b->out[1 + k];
    bt_tensor* y = c->out[k];
    bt_set_like(y, t);
    if (k < b->states || !bt_has_rank(t)) continue;
    BT_TRY(bt_need_max_rank(c, (int64_t)t->rank + 1));
    y->rank = t->rank + 1;
    y->dims[0] = -1; /* the condition may end the loop at any turn */
    for (int d = 0; d < t->rank; ++d) y->dims[d + 1] = t->dims[d];
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, TURNS, BT_BIT(BT_I64)));
  BT_TRY(bt_need_one_element(c, TURNS, "the number of turns"));
  BT_TRY(bt_need_type(c, CONDITION, BT_BIT(BT_BOOL)));
  BT_TRY(bt_need_one_element(c, CONDITION, "the condition"));
  bt_body b;
  BT_TRY(measure(c, &b));
  void* memory = bt_alloc_scratch(c, bt_body_bytes(&b));
  if (!memory) return bt_fail_memory(c);
  bt_body_place(&b, memory);
  const bt_status status = infer_body(c, &b);
  bt_free_scratch(memory);
  return status;
}

/* ---- running ---- */

/* The slices of one stacked output. */
typedef struct stack {
  bt_tensor slice; /* shape of every slice */
  unsigned char* bytes;
  size_t used, capacity;
} stack;

typedef struct loop {
  bt_body body;
  int64_t turn;
  uint8_t go;
  bt_carry* carries;
  stack* stacks;
} loop;

static size_t loop_bytes(const bt_body* b, int stacks) {
  return bt_body_bytes(b) + (size_t)b->states * sizeof(bt_carry) + (size_t)stacks * sizeof(stack);
}

static bt_status prepare(bt_call* c) {
  bt_body b;
  BT_TRY(measure(c, &b));
  c->scratch_bytes = loop_bytes(&b, c->n_out - b.states);
  return BT_OK;
}

static bt_status push(bt_call* c, stack* s, int64_t turn, const bt_tensor* slice) {
  if (turn == 0) s->slice = *slice;
  char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
  if (s->slice.dtype != slice->dtype || s->slice.rank != slice->rank ||
      memcmp(s->slice.dims, slice->dims, (size_t)slice->rank * sizeof slice->dims[0]) != 0)
    return bt_fail(c, BT_BAD_INPUT, "turn %lld returns a slice %s after slices %s; all must be alike",
                   (long long)turn, bt_shape_text(slice, p), bt_shape_text(&s->slice, q));
  const size_t bytes = bt_bytes(slice);
  if (bytes > s->capacity - s->used) {
    const size_t capacity = s->capacity * 2 > s->used + bytes ? s->capacity * 2 : s->used + bytes;
    BT_TRY(bt_check_bytes(c, capacity));
    unsigned char* more = bt_alloc_scratch(c, capacity);
    if (!more) return bt_fail_memory(c);
    if (s->used) memcpy(more, s->bytes, s->used);
    bt_free_scratch(s->bytes);
    s->bytes = more;
    s->capacity = capacity;
  }
  if (bytes) memcpy(s->bytes + s->used, slice->data, bytes);
  s->used += bytes;
  return BT_OK;
}

static bt_status one_turn(bt_call* c, loop* l) {
  bt_body* b = &l->body;
  BT_TRY(bt_count_turn(c));
  BT_TRY(bt_run_graph(c, b->graph, b->in, b->n_in, b->out, b->n_out));
  if (b->out[0].dtype != BT_BOOL || bt_count(&b->out[0]) != 1)
    return bt_fail(c, BT_BAD_INPUT, "its graph must return a condition of one bool");
  l->go = bt_get_int(&b->out[0], 0) != 0;
  for (int k = b->states; k < c->n_out; ++k)
    BT_TRY(push(c, &l->stacks[k - b->states], l->turn, &b->out[1 + k]));
  for (int k = 0; k < b->states; ++k)
    BT_TRY(bt_carry_take(c, &l->carries[k], &b->out[1 + k], &b->own[STATES + k]));
  return BT_OK;
}

/* A loop without turns still has stacked outputs, of length 0. */
static bt_status shape_slices(bt_call* c, loop* l) {
  bt_body* b = &l->body;
  BT_TRY(bt_infer_graph(c, b->graph, b->in, b->n_in, b->out, b->n_out));
  for (int k = b->states; k < c->n_out; ++k) {
    bt_shape_of_none(b, 1 + k, &b->out[1 + k]);
    l->stacks[k - b->states].slice = b->out[1 + k];
  }
  return BT_OK;
}

static bt_status give_stack(bt_call* c, int i, const stack* s, int64_t turns) {
  BT_TRY(bt_need_max_rank(c, (int64_t)s->slice.rank + 1));
  int64_t dims[BT_MAX_RANK] = {turns};
  for (int d = 0; d < s->slice.rank; ++d) dims[d + 1] = s->slice.dims[d];
  BT_TRY(bt_fit_output(c, i, s->slice.dtype, s->slice.rank + 1, dims));
  if (bt_wants(c, i) && s->used) memcpy(c->out[i]->data, s->bytes, s->used);
  return BT_OK;
}

static bt_status turns(bt_call* c, loop* l) {
  bt_body* b = &l->body;
  const int64_t most = bt_given(c, TURNS) ? bt_get_int(c->in[TURNS], 0) : INT64_MAX;
  l->go = bt_given(c, CONDITION) ? bt_get_int(c->in[CONDITION], 0) != 0 : 1;
  fill_inputs(c, b);
  b->own[TURNS].data = &l->turn;
  b->own[CONDITION].data = &l->go;
  for (; l->turn < most && l->go; ++l->turn) BT_TRY(one_turn(c, l));
  if (l->turn == 0) BT_TRY(shape_slices(c, l));
  for (int k = 0; k < b->states; ++k) BT_TRY(bt_give_output(c, k, &b->own[STATES + k]));
  for (int k = b->states; k < c->n_out; ++k)
    BT_TRY(give_stack(c, k, &l->stacks[k - b->states], l->turn));
  return BT_OK;
}

static bt_status run(bt_call* c) {
  loop l = {0};
  BT_TRY(measure(c, &l.body));
  const int n_stacks = c->n_out - l.body.states;
  memset(c->scratch, 0, loop_bytes(&l.body, n_stacks));
  l.carries = c->scratch;
  l.stacks = (stack*)(void*)(l.carries + l.body.states);
  bt_body_place(&l.body, l.stacks + n_stacks);
  const bt_status status = turns(c, &l);
  for (int k = 0; k < l.body.states; ++k) bt_carry_free(&l.carries[k]);
  for (int k = 0; k < n_stacks; ++k) bt_free_scratch(l.stacks[k].bytes);
  return status;
}

const bt_op bt_op_loop = {
    .name = "Loop", .summary = "A graph run again and again.", .attrs = attrs, .in_min = 0,
    .in_max = BT_MANY, .out_min = 1, .out_max = BT_MANY, .flags = BT_OP_SUBGRAPH, .infer = infer,
    .prepare = prepare, .run = run};
