/* SPDX-License-Identifier: Apache-2.0
   RotaryEmbedding: turns pairs of values of each head by the angle of their position. Pairs are the
   two halves of the rotated part of a head, or its neighbours (interleaved):
     y1 = cos * x1 - sin * x2,  y2 = sin * x1 + cos * x2

   X is [batch, heads, positions, size], or [batch, positions, heads * size] with num_heads. The
   caches of cosines and sines are [rows, half] with position_ids (input 3, [batch, positions]), or
   [batch, positions, half] without. */
#include <inttypes.h>
#include <string.h>

#include "runtime/shape.h"

enum { INTERLEAVED, NUM_HEADS, ROTARY_DIM };
static const bt_attr_spec attrs[] = {{.name = "interleaved", .kind = BT_INT},
                                     {.name = "num_heads", .kind = BT_INT},
                                     {.name = "rotary_embedding_dim", .kind = BT_INT},
                                     {0}};
enum { X, COS, SIN, POSITIONS };

typedef struct sizes {
  int64_t batch, heads, positions, size, half;
} sizes;

/* Lengths may be unknown while shapes are inferred. */
static bt_status measure(bt_call* c, sizes* s) {
  const bt_tensor* x = c->in[X];
  const int64_t heads = c->attr[NUM_HEADS].i, rotated = c->attr[ROTARY_DIM].i;
  s->batch = x->dims[0];
  s->positions = x->dims[x->rank == 4 ? 2 : 1];
  s->heads = x->rank == 4 ? x->dims[1] : heads;
  s->size = x->dims[x->rank - 1];
  if (x->rank == 3) {
    if (heads < 1)
      return bt_fail(c, BT_BAD_INPUT, "num_heads is %" PRId64 "; a 3-dimensional input needs it", heads);
    if (bt_known(s->size) && s->size % heads)
      return bt_fail(c, BT_BAD_INPUT, "rows of %" PRId64 " cannot be split into num_heads=%" PRId64,
                     s->size, heads);
    if (bt_known(s->size)) s->size /= heads;
  }
  if (rotated < 0 || rotated % 2 || (bt_known(s->size) && rotated > s->size))
    return bt_fail(c, BT_BAD_INPUT, "rotary_embedding_dim is %" PRId64 "; even numbers up to the head's "
                   "size, %" PRId64 ", are allowed", rotated, s->size);
  if (rotated == 0 && bt_known(s->size) && s->size % 2)
    return bt_fail(c, BT_BAD_INPUT, "heads of %" PRId64 " values have no pairs", s->size);
  s->half = rotated ? rotated / 2 : bt_known(s->size) ? s->size / 2 : -1;
  return BT_OK;
}

static bt_status check_cache(bt_call* c, int i, const sizes* s) {
  const bt_tensor* t = c->in[i];
  BT_TRY(bt_need_same_type(c, X, i));
  BT_TRY(bt_need_rank(c, i, bt_given(c, POSITIONS) ? 2 : 3));
  if (!bt_has_rank(t)) return BT_OK;
  const int64_t length = t->dims[t->rank - 1];
  const int wrong = t->rank == 3 && (bt_clash(t->dims[0], s->batch) || bt_clash(t->dims[1], s->positions));
  char text[BT_SHAPE_TEXT];
  if (!wrong && !(bt_known(length) && bt_known(s->half) && length < s->half)) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "input %d has shape %s, which does not fit %" PRId64 " by %" PRId64
                 " positions of %" PRId64 " pairs", i, bt_shape_text(t, text), s->batch, s->positions,
                 s->half);
}

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, X, BT_BIT(BT_F32) | BT_TYPES_HALF));
  BT_TRY(bt_need_rank_between(c, X, 3, 4));
  BT_TRY(bt_need_type(c, POSITIONS, BT_TYPES_INDEX));
  bt_set_like(c->out[0], c->in[X]);
  if (!bt_has_rank(c->in[X])) return BT_OK;
  sizes s;
  BT_TRY(measure(c, &s));
  BT_TRY(check_cache(c, COS, &s));
  BT_TRY(check_cache(c, SIN, &s));
  if (!bt_given(c, POSITIONS)) return BT_OK;
  BT_TRY(bt_need_rank(c, POSITIONS, 2));
  const bt_tensor* ids = c->in[POSITIONS];
  char text[BT_SHAPE_TEXT];
  if (bt_has_rank(ids) && (bt_clash(ids->dims[0], s.batch) || bt_clash(ids->dims[1], s.positions)))
    return bt_fail(c, BT_BAD_INPUT, "position_ids has shape %s; [%" PRId64 ",%" PRId64 "] is needed",
                   bt_shape_text(ids, text), s.batch, s.positions);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  sizes s;
} job;

static void turn(const job* j, const float* x, const float* cosine, const float* sine, float* y) {
  const int64_t half = j->s.half;
  const int neighbours = j->c->attr[INTERLEAVED].i != 0;
  for (int64_t i = 0; i < half; ++i) {
    const int64_t p = neighbours ? 2 * i : i, q = neighbours ? 2 * i + 1 : half + i;
    const float x1 = x[p], x2 = x[q];
    y[p] = cosine[i] * x1 - sine[i] * x2;
    y[q] = sine[i] * x1 + cosine[i] * x2;
  }
  memcpy(y + 2 * half, x + 2 * half, (size_t)(j->s.size - 2 * half) * sizeof(float));
}

/* Parts are positions of all batches. */
static void run_positions(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_call* c = j->c;
  const sizes* s = &j->s;
  const int64_t cos_row = c->in[COS]->dims[c->in[COS]->rank - 1];
  const int64_t sin_row = c->in[SIN]->dims[c->in[SIN]->rank - 1];
  const int planes = c->in[X]->rank == 4;
  (void)thread;
  for (int64_t at = begin; at < end; ++at) {
    const int64_t row = bt_given(c, POSITIONS) ? bt_get_int(c->in[POSITIONS], at) : at;
    const float* cosine = (const float*)c->in[COS]->data + row * cos_row;
    const float* sine = (const float*)c->in[SIN]->data + row * sin_row;
    const int64_t b = at / s->positions, p = at % s->positions;
    for (int64_t h = 0; h < s->heads; ++h) {
      const int64_t head = planes ? (b * s->heads + h) * s->positions + p : at * s->heads + h;
      turn(j, (const float*)c->in[X]->data + head * s->size, cosine, sine,
           (float*)c->out[0]->data + head * s->size);
    }
  }
}

static bt_status run(bt_call* c) {
  if (bt_count(c->out[0]) == 0) return BT_OK;
  job j = {.c = c};
  BT_TRY(measure(c, &j.s));
  const int64_t count = j.s.batch * j.s.positions;
  for (int64_t i = 0; i < count && bt_given(c, POSITIONS); ++i) {
    const int64_t id = bt_get_int(c->in[POSITIONS], i);
    const int64_t cos_rows = c->in[COS]->dims[0], sin_rows = c->in[SIN]->dims[0];
    const int64_t rows = cos_rows < sin_rows ? cos_rows : sin_rows;
    if (id < 0 || id >= rows)
      return bt_fail(c, BT_BAD_INPUT, "position %" PRId64 " is not in the caches, which have %" PRId64
                     " rows", id, rows);
  }
  bt_parallel(c, count, 1 + 8192 / (j.s.heads * j.s.size + 1), run_positions, &j);
  return BT_OK;
}

const bt_op bt_op_rotary_embedding = {
    .name = "RotaryEmbedding", .summary = "Pairs of values turned by the angle of their position.",
    .attrs = attrs, .in_min = 3, .in_max = 4, .out_min = 1, .out_max = 1,
    .flags = BT_OP_HALF | BT_OP_EXTRA, .infer = infer, .run = run};
