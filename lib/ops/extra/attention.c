/* SPDX-License-Identifier: Apache-2.0
   Attention: y = softmax(cap(scale * Q K' + bias)) V for every head, with grouped heads, a cache of
   past keys and values, masks, and the scores as an output.

   Q, K, V are [batch, heads, positions, size], or [batch, positions, heads * size] with q_num_heads
   and kv_num_heads. With fewer heads of keys than of queries, each serves as many neighbouring
   queries' heads. The mask (input 3) broadcasts to the scores [batch, heads, queries, keys]; where it
   is shorter along the keys, those behind its end are masked. is_causal masks the keys behind the
   query's own position, which follows the past keys, or ends with the last valid key where their
   number is given (input 6). A query without any key gives NaN. A masked key stays masked whatever
   softcap is.
   Softmax is computed in f32 whatever softmax_precision says. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/attention_scores.h"
#include "ops/shared/product.h"
#include "runtime/shape.h"

enum { IS_CAUSAL, KV_HEADS, Q_HEADS, SCORES_MODE, SCALE, SOFTCAP, PRECISION };
static const bt_attr_spec attrs[] = {{.name = "is_causal", .kind = BT_INT},
                                     {.name = "kv_num_heads", .kind = BT_INT},
                                     {.name = "q_num_heads", .kind = BT_INT},
                                     {.name = "qk_matmul_output_mode", .kind = BT_INT},
                                     {.name = "scale", .kind = BT_FLOAT}, /* 0: 1 / sqrt(size) */
                                     {.name = "softcap", .kind = BT_FLOAT},
                                     {.name = "softmax_precision", .kind = BT_INT},
                                     {0}};
enum { Q, K, V, MASK, PAST_K, PAST_V, VALID };
enum { Y, PRESENT_K, PRESENT_V, SCORES };

/* ---- shapes ---- */

typedef struct sizes {
  int64_t batch, q_heads, kv_heads, queries, keys, past, total, size, v_size;
} sizes;

/* Heads, positions and size of one of Q, K, V; lengths may be unknown. */
static bt_status split(bt_call* c, int i, int attr, const char* what, int64_t* heads,
                       int64_t* positions, int64_t* size) {
  const bt_tensor* t = c->in[i];
  *positions = t->dims[t->rank == 4 ? 2 : 1];
  *size = t->dims[t->rank - 1];
  *heads = t->rank == 4 ? t->dims[1] : c->attr[attr].i;
  if (t->rank == 4) return BT_OK;
  if (*heads < 1)
    return bt_fail(c, BT_BAD_INPUT, "%s is %" PRId64 "; 3-dimensional inputs need it", what, *heads);
  if (bt_known(*size) && *size % *heads)
    return bt_fail(c, BT_BAD_INPUT, "rows of %" PRId64 " cannot be split into %s=%" PRId64, *size, what,
                   *heads);
  if (bt_known(*size)) *size /= *heads;
  return BT_OK;
}

static bt_status need(bt_call* c, int64_t a, int64_t b, const char* what) {
  if (!bt_clash(a, b)) return BT_OK;
  return bt_fail(c, BT_BAD_INPUT, "%s: %" PRId64 " and %" PRId64 " must be equal", what, a, b);
}

static bt_status read_past(bt_call* c, sizes* s) {
  s->past = 0;
  if (bt_given(c, PAST_K) != bt_given(c, PAST_V))
    return bt_fail(c, BT_BAD_INPUT, "past_key and past_value come together, but one is missing");
  for (int i = PAST_K; i <= PAST_V && bt_given(c, i); ++i) {
    const bt_tensor* t = c->in[i];
    BT_TRY(bt_need_rank(c, i, 4));
    if (!bt_has_rank(t)) {
      s->past = -1;
      continue;
    }
    BT_TRY(need(c, t->dims[0], s->batch, "batches of the past and of Q"));
    BT_TRY(need(c, t->dims[1], s->kv_heads, "heads of the past and of K"));
    BT_TRY(need(c, t->dims[3], i == PAST_K ? s->size : s->v_size, "head sizes of the past and now"));
    if (i == PAST_V) BT_TRY(need(c, t->dims[2], s->past, "positions of past_key and past_value"));
    s->past = t->dims[2];
  }
  return BT_OK;
}

static bt_status measure(bt_call* c, sizes* s) {
  int64_t k_size, v_heads, v_keys;
  BT_TRY(split(c, Q, Q_HEADS, "q_num_heads", &s->q_heads, &s->queries, &s->size));
  BT_TRY(split(c, K, KV_HEADS, "kv_num_heads", &s->kv_heads, &s->keys, &k_size));
  BT_TRY(split(c, V, KV_HEADS, "kv_num_heads", &v_heads, &v_keys, &s->v_size));
  s->batch = bt_agree(c->in[Q]->dims[0], c->in[K]->dims[0]);
  for (int i = K; i <= V; ++i) BT_TRY(need(c, c->in[Q]->dims[0], c->in[i]->dims[0], "batches"));
  BT_TRY(need(c, s->size, k_size, "head sizes of Q and K"));
  BT_TRY(need(c, s->kv_heads, v_heads, "heads of K and V"));
  BT_TRY(need(c, s->keys, v_keys, "positions of K and V"));
  if (bt_known(s->q_heads) && bt_known(s->kv_heads) &&
      (s->kv_heads == 0 ? s->q_heads != 0 : s->q_heads % s->kv_heads != 0))
    return bt_fail(c, BT_BAD_INPUT, "%" PRId64 " heads of queries cannot share %" PRId64 " heads of keys",
                   s->q_heads, s->kv_heads);
  BT_TRY(read_past(c, s));
  s->total = s->past == 0 ? s->keys : bt_known(s->past) ? bt_dim_add(s->keys, s->past) : -1;
  return BT_OK;
}

static bt_status check_mask(bt_call* c, const sizes* s) {
  if (!bt_given(c, MASK)) return BT_OK;
  const bt_tensor* mask = c->in[MASK];
  BT_TRY(bt_need_type(c, MASK, BT_BIT(BT_BOOL) | BT_BIT(BT_F32) | BT_TYPES_HALF));
  BT_TRY(bt_need_rank_between(c, MASK, 0, 4));
  if (!bt_has_rank(mask)) return BT_OK;
  const int64_t want[4] = {s->batch, s->q_heads, s->queries, s->total};
  for (int d = 1; d <= mask->rank; ++d) {
    const int64_t n = mask->dims[mask->rank - d], full = want[4 - d];
    const int shorter = d == 1 && bt_known(n) && bt_known(full) && n < full;
    if (n == 1 || shorter || !bt_clash(n, full)) continue;
    char text[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT, "the mask has shape %s, which does not broadcast to the scores, "
                   "[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]", bt_shape_text(mask, text),
                   want[0], want[1], want[2], want[3]);
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_dtype type = c->in[Q]->dtype;
  for (int i = Q; i <= V; ++i) BT_TRY(bt_need_type(c, i, BT_BIT(BT_F32) | BT_TYPES_HALF));
  BT_TRY(bt_need_same_type(c, K, PAST_K));
  BT_TRY(bt_need_same_type(c, V, PAST_V));
  BT_TRY(bt_need_rank_between(c, Q, 3, 4));
  for (int i = 0; i < c->n_out; ++i) bt_set_unranked(c->out[i], i == PRESENT_V ? c->in[V]->dtype : type);
  if (!bt_has_rank(c->in[Q])) return BT_OK;
  const int rank = c->in[Q]->rank;
  for (int i = K; i <= V; ++i) {
    BT_TRY(bt_need_rank(c, i, rank));
    if (!bt_has_rank(c->in[i])) return BT_OK;
  }
  sizes s;
  BT_TRY(measure(c, &s));
  BT_TRY(check_mask(c, &s));
  BT_TRY(bt_need_type(c, VALID, BT_TYPES_INDEX));
  BT_TRY(bt_need_vector(c, VALID, s.batch, "nonpad_kv_seqlen"));
  const int64_t flat[3] = {s.batch, s.queries, bt_dim_mul(s.q_heads, s.v_size)};
  const int64_t heads[4] = {s.batch, s.q_heads, s.queries, s.v_size};
  bt_set_shape(c->out[Y], type, rank, rank == 3 ? flat : heads);
  if (c->n_out > PRESENT_K)
    bt_set_shape(c->out[PRESENT_K], c->in[K]->dtype, 4, (int64_t[4]){s.batch, s.kv_heads, s.total, s.size});
  if (c->n_out > PRESENT_V)
    bt_set_shape(c->out[PRESENT_V], c->in[V]->dtype, 4, (int64_t[4]){s.batch, s.kv_heads, s.total, s.v_size});
  if (c->n_out > SCORES)
    bt_set_shape(c->out[SCORES], type, 4, (int64_t[4]){s.batch, s.q_heads, s.queries, s.total});
  return BT_OK;
}

/* ---- planning ---- */

#define ROWS 64 /* queries whose scores are in memory at a time */

typedef struct plan {
  sizes s;
  bt_product scores, values;          /* Q K' and softmax V */
  size_t pack_k, pack_v, cells, work; /* parts of a thread's scratch: sizes in bytes */
  size_t step;                        /* all of them */
  size_t key_at, value_at;            /* of past and present together, where no output holds them */
  int joins;                          /* there is a past, or an output for both together */
} plan;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

static bt_status prepare(bt_call* c) {
  const bt_kernels* k = bt_call_kernels(c);
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  sizes* s = &p->s;
  BT_TRY(measure(c, s));
  const int64_t most = INT32_MAX / 2;
  if (s->total > most || s->size > most || s->v_size > most)
    return bt_fail(c, BT_UNSUPPORTED, "%" PRId64 " keys of %" PRId64 " are too many", s->total, s->size);
  const int flat = c->in[Q]->rank == 3;
  const float all = INFINITY;
  p->scores = (bt_product){.rows = s->queries < ROWS ? s->queries : ROWS, .cols = (int)s->total,
                           .depth = (int)s->size, .taps = 1, .fill = bt_dense_rows, .lo = -all, .hi = all,
                           .panel_bytes = bt_panel_f32(k, (int)s->size), .c_stride = s->total,
                           .a_stride = flat ? s->q_heads * s->size : s->size};
  p->values = (bt_product){.rows = p->scores.rows, .cols = (int)s->v_size, .depth = (int)s->total,
                           .taps = 1, .fill = bt_dense_rows, .lo = -all, .hi = all,
                           .panel_bytes = bt_panel_f32(k, (int)s->total), .a_stride = s->total,
                           .c_stride = flat ? s->q_heads * s->v_size : s->v_size};
  p->pack_k = bt_pack_f32(k, p->scores.cols, p->scores.depth, NULL, 0, 0, NULL, NULL);
  p->pack_v = bt_pack_f32(k, p->values.cols, p->values.depth, NULL, 0, 0, NULL, NULL);
  p->cells = align((size_t)(p->scores.rows * s->total) * sizeof(float));
  const size_t a = bt_product_scratch(k, &p->scores), b = bt_product_scratch(k, &p->values);
  p->work = align(a > b ? a : b);
  p->step = p->pack_k + p->pack_v + p->cells + p->work;
  size_t bytes = p->step * (size_t)bt_threads(c);
  p->joins = bt_given(c, PAST_K) || bt_wants(c, PRESENT_K) || bt_wants(c, PRESENT_V);
  const size_t rows = p->joins ? (size_t)(s->batch * s->kv_heads * s->total) * sizeof(float) : 0;
  p->key_at = bytes, bytes += bt_wants(c, PRESENT_K) ? 0 : align(rows * (size_t)s->size);
  p->value_at = bytes, bytes += bt_wants(c, PRESENT_V) ? 0 : align(rows * (size_t)s->v_size);
  c->scratch_bytes = bytes;
  return BT_OK;
}

/* ---- running ---- */

/* A stack of matrices [batch, heads, positions, size], however it lies in memory. */
typedef struct heads {
  float* data;
  int64_t batch_step, head_step, row_step;
} heads;

static heads heads_of(const bt_tensor* t, int64_t count, int64_t positions, int64_t size) {
  if (t->rank == 4) return (heads){t->data, count * positions * size, positions * size, size};
  return (heads){t->data, positions * count * size, size, count * size};
}

typedef struct job {
  bt_call* c;
  const plan* p;
  const bt_kernels* k;
  heads q, key, value, y;
} job;

/* Past and present positions one behind the other, as [batch, heads, total, size]. */
static heads join(const bt_call* c, const sizes* s, int now, int past, int64_t size, float* to) {
  const heads from = heads_of(c->in[now], s->kv_heads, s->keys, size);
  const size_t row = (size_t)size * sizeof(float);
  float* at = to;
  for (int64_t b = 0; b < s->batch; ++b)
    for (int64_t h = 0; h < s->kv_heads; ++h) {
      if (s->past > 0) {
        const float* old = (const float*)c->in[past]->data + (b * s->kv_heads + h) * s->past * size;
        memcpy(at, old, (size_t)s->past * row);
        at += s->past * size;
      }
      for (int64_t i = 0; i < s->keys; ++i, at += size)
        memcpy(at, from.data + b * from.batch_step + h * from.head_step + i * from.row_step, row);
    }
  return (heads){to, s->kv_heads * s->total * size, s->total * size, size};
}

/* Parts are heads of queries of all batches. */
static void run_heads(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const plan* p = j->p;
  const sizes* s = &p->s;
  unsigned char* at = (unsigned char*)j->c->scratch + (size_t)thread * p->step;
  float *pack_k = (float*)(void*)at, *pack_v = (float*)(void*)(at + p->pack_k);
  float* cells = (float*)(void*)(at + p->pack_k + p->pack_v);
  void* work = at + p->pack_k + p->pack_v + p->cells;
  bt_product scores = p->scores, values = p->values;
  scores.panels = pack_k, scores.c = cells;
  values.panels = pack_v, values.a = cells;
  int64_t packed = -1;
  for (int64_t item = begin; item < end; ++item) {
    const int64_t b = item / s->q_heads, h = item % s->q_heads;
    const int64_t kv = h / (s->q_heads / s->kv_heads);
    if (packed != b * s->kv_heads + kv) {
      bt_pack_f32(j->k, scores.cols, scores.depth,
                  j->key.data + b * j->key.batch_step + kv * j->key.head_step, j->key.row_step, 1,
                  NULL, pack_k);
      bt_pack_f32(j->k, values.cols, values.depth,
                  j->value.data + b * j->value.batch_step + kv * j->value.head_step, 1,
                  j->value.row_step, NULL, pack_v);
      packed = b * s->kv_heads + kv;
    }
    bt_scores line = {.c = j->c, .mask = bt_given(j->c, MASK) ? j->c->in[MASK] : NULL,
                      .batch = b, .head = h, .heads = s->q_heads, .queries = s->queries,
                      .total = s->total, .valid = s->total, .offset = s->past,
                      .causal = j->c->attr[IS_CAUSAL].i != 0, .mode = (int)j->c->attr[SCORES_MODE].i,
                      .softcap = j->c->attr[SOFTCAP].f, .scale = j->c->attr[SCALE].f,
                      .out = bt_wants(j->c, SCORES) ? j->c->out[SCORES]->data : NULL};
    if (line.scale == 0.0f) line.scale = 1.0f / sqrtf((float)s->size);
    if (bt_given(j->c, VALID)) {
      line.valid = bt_get_int(j->c->in[VALID], b);
      line.offset = line.valid - s->queries;
    }
    for (int64_t first = 0; first < s->queries; first += ROWS) {
      scores.rows = values.rows = s->queries - first < ROWS ? s->queries - first : ROWS;
      scores.a = j->q.data + b * j->q.batch_step + h * j->q.head_step + first * j->q.row_step;
      values.c = j->y.data + b * j->y.batch_step + h * j->y.head_step + first * j->y.row_step;
      bt_product_part(j->k, &scores, 0, scores.rows, 0, bt_product_panels(j->k, &scores), work);
      for (int64_t i = 0; i < scores.rows; ++i)
        bt_scores_finish(&line, first + i, cells + i * s->total);
      bt_product_part(j->k, &values, 0, values.rows, 0, bt_product_panels(j->k, &values), work);
    }
  }
}

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  const sizes* s = &p->s;
  unsigned char* scratch = c->scratch;
  job j = {.c = c, .p = p, .k = bt_call_kernels(c), .q = heads_of(c->in[Q], s->q_heads, s->queries, s->size),
           .key = heads_of(c->in[K], s->kv_heads, s->keys, s->size),
           .value = heads_of(c->in[V], s->kv_heads, s->keys, s->v_size),
           .y = heads_of(c->out[Y], s->q_heads, s->queries, s->v_size)};
  if (p->joins) {
    void* key = bt_wants(c, PRESENT_K) ? c->out[PRESENT_K]->data : scratch + p->key_at;
    void* value = bt_wants(c, PRESENT_V) ? c->out[PRESENT_V]->data : scratch + p->value_at;
    j.key = join(c, s, K, PAST_K, s->size, key);
    j.value = join(c, s, V, PAST_V, s->v_size, value);
  }
  const int64_t work = s->queries * s->total * (s->size + s->v_size);
  if (s->kv_heads > 0) bt_parallel(c, s->batch * s->q_heads, 1 + 200000 / (work + 1), run_heads, &j);
  return BT_OK;
}

static int64_t macs(const bt_call* c) {
  const bt_tensor *q = c->in[Q], *k = c->in[K], *y = c->out[Y];
  if (q->rank < 3 || k->rank < 3 || y->rank < 3) return -1;
  const int64_t keys = k->dims[k->rank == 4 ? 2 : 1], both = bt_dim_add(bt_count(q), bt_count(y));
  return bt_dim_mul(both, keys);
}

const bt_op bt_op_attention = {
    .name = "Attention", .summary = "Scaled dot-product attention of many heads.", .attrs = attrs,
    .in_min = 3, .in_max = 7, .out_min = 1, .out_max = 4, .flags = BT_OP_HALF | BT_OP_EXTRA,
    .infer = infer, .prepare = prepare, .run = run, .macs = macs};
