/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/shared/recurrent.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "runtime/shape.h"

/* ---- shapes ---- */

static int directions(const bt_call* c) { return c->attr[BT_RNN_DIRECTION].i == 2 ? 2 : 1; }

/* Input i has these lengths, as far as they are known. */
static bt_status need_shape(bt_call* c, int i, const char* what, int rank, const int64_t* dims) {
  if (!bt_given(c, i) || !bt_has_rank(c->in[i])) return BT_OK;
  BT_TRY(bt_need_rank(c, i, rank));
  for (int d = 0; d < rank; ++d) {
    if (!bt_clash(c->in[i]->dims[d], dims[d])) continue;
    bt_tensor wanted = {0};
    bt_set_shape(&wanted, BT_F32, rank, dims);
    char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
    return bt_fail(c, BT_BAD_INPUT, "%s has shape %s; %s is needed", what,
                   bt_shape_text(c->in[i], p), bt_shape_text(&wanted, q));
  }
  return BT_OK;
}

/* Names of activations; the values of alpha and beta go, in order, to the functions that use them. */
static bt_status read_activations(bt_call* c, const bt_rnn_kind* kind, bt_activation* f) {
  const bt_attr *names = &c->attr[BT_RNN_ACTIVATIONS], *alpha = &c->attr[BT_RNN_ALPHA];
  const bt_attr* beta = &c->attr[BT_RNN_BETA];
  const int n = kind->functions * directions(c);
  int alphas = 0, betas = 0;
  if (names->n != 0 && names->n != n)
    return bt_fail(c, BT_BAD_INPUT, "activations has %d names; %d are needed", names->n, n);
  for (int i = 0; i < n; ++i) {
    const char* name = names->n ? names->u.texts[i] : kind->defaults[i % kind->functions];
    int uses = 0;
    if (!bt_activation_named(name, &f[i], &uses))
      return bt_fail(c, BT_BAD_INPUT, "activation %d is no known function", i);
    if (uses & 1 && alphas < alpha->n) f[i].alpha = alpha->u.floats[alphas++];
    if (uses & 2 && betas < beta->n) f[i].beta = beta->u.floats[betas++];
  }
  return BT_OK;
}

#define MOST_FUNCTIONS 6

static bt_status check_attrs(bt_call* c, const bt_rnn_kind* kind, int64_t* hidden) {
  bt_activation f[MOST_FUNCTIONS];
  BT_TRY(read_activations(c, kind, f));
  if (!(c->attr[BT_RNN_CLIP].f >= 0))
    return bt_fail(c, BT_BAD_INPUT, "clip is %g; it must not be negative", (double)c->attr[BT_RNN_CLIP].f);
  const bt_tensor* r = c->in[BT_RNN_R];
  *hidden = bt_has_rank(r) && r->rank == 3 ? r->dims[2] : -1;
  const int64_t stated = c->attr[BT_RNN_HIDDEN].i;
  if (stated < 0 || (stated > 0 && bt_clash(stated, *hidden)))
    return bt_fail(c, BT_BAD_INPUT, "hidden_size is %" PRId64 ", R is made for %" PRId64, stated, *hidden);
  if (stated > 0) *hidden = stated;
  return BT_OK;
}

bt_status bt_rnn_infer(bt_call* c, const bt_rnn_kind* kind) {
  const bt_tensor* x = c->in[BT_RNN_X];
  const int first = c->attr[kind->layout].i != 0, d = directions(c);
  int64_t h = -1;
  BT_TRY(bt_need_type(c, BT_RNN_X, BT_BIT(BT_F32) | BT_TYPES_HALF));
  for (int i = BT_RNN_W; i < c->n_in; ++i)
    if (bt_given(c, i) && i != BT_RNN_LENGTHS) BT_TRY(bt_need_same_type(c, BT_RNN_X, i));
  BT_TRY(bt_need_type(c, BT_RNN_LENGTHS, BT_BIT(BT_I32)));
  BT_TRY(check_attrs(c, kind, &h));
  BT_TRY(bt_need_rank(c, BT_RNN_X, 3));
  const int64_t time = bt_has_rank(x) ? x->dims[first] : -1;
  const int64_t batch = bt_has_rank(x) ? x->dims[!first] : -1;
  const int64_t input = bt_has_rank(x) ? x->dims[2] : -1, rows = bt_dim_mul(kind->gates, h);
  const int64_t state[3] = {first ? batch : d, first ? d : batch, h};
  BT_TRY(need_shape(c, BT_RNN_W, "W", 3, (int64_t[]){d, rows, input}));
  BT_TRY(need_shape(c, BT_RNN_R, "R", 3, (int64_t[]){d, rows, h}));
  BT_TRY(need_shape(c, BT_RNN_B, "the bias", 2, (int64_t[]){d, bt_dim_mul(2, rows)}));
  BT_TRY(need_shape(c, BT_RNN_LENGTHS, "the list of lengths", 1, &batch));
  BT_TRY(need_shape(c, BT_RNN_H, "the initial h", 3, state));
  BT_TRY(need_shape(c, BT_RNN_C, "the initial c", 3, state));
  BT_TRY(need_shape(c, BT_RNN_PEEPHOLES, "P", 2, (int64_t[]){d, bt_dim_mul(3, h)}));
  const int64_t whole[4] = {first ? batch : time, first ? time : d, first ? d : batch, h};
  bt_set_shape(c->out[0], x->dtype, 4, whole);
  for (int i = 1; i < c->n_out; ++i) bt_set_shape(c->out[i], x->dtype, 3, state);
  return BT_OK;
}

/* ---- weights ---- */

/* The packed weights of both directions: panels for W, for the early gates of R, for the late ones. */
typedef struct bt_rnn_weights {
  const unsigned char *w, *r, *late;
  size_t w_bytes, r_bytes, late_bytes; /* of one direction */
} bt_rnn_weights;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

static int hidden_of(const bt_call* c) { return (int)c->in[BT_RNN_R]->dims[2]; }
static int input_of(const bt_call* c) { return (int)c->in[BT_RNN_W]->dims[2]; }

/* Bytes for the packed weights; `weights` learns the parts. */
static size_t pack_bytes(const bt_call* c, const bt_rnn_kind* kind, bt_rnn_weights* weights) {
  const bt_kernels* k = bt_call_kernels(c);
  const int h = hidden_of(c), early = kind->gates - kind->late;
  weights->w_bytes = align(bt_pack_f32(k, kind->gates * h, input_of(c), NULL, 0, 0, NULL, NULL));
  weights->r_bytes = align(bt_pack_f32(k, early * h, h, NULL, 0, 0, NULL, NULL));
  weights->late_bytes = kind->late ? align(bt_pack_f32(k, kind->late * h, h, NULL, 0, 0, NULL, NULL)) : 0;
  return (weights->w_bytes + weights->r_bytes + weights->late_bytes) * (size_t)directions(c);
}

static void pack(const bt_call* c, const bt_rnn_kind* kind, unsigned char* to, bt_rnn_weights* weights) {
  const bt_kernels* k = bt_call_kernels(c);
  const int h = hidden_of(c), in = input_of(c), rows = kind->gates * h;
  const int early = (kind->gates - kind->late) * h, n = directions(c);
  unsigned char* w = to;
  unsigned char* r = w + (size_t)n * weights->w_bytes;
  unsigned char* late = r + (size_t)n * weights->r_bytes;
  weights->w = w, weights->r = r, weights->late = late;
  for (int d = 0; d < n; ++d) {
    const size_t at = (size_t)d;
    const float* wd = (const float*)c->in[BT_RNN_W]->data + at * (size_t)rows * (size_t)in;
    const float* rd = (const float*)c->in[BT_RNN_R]->data + at * (size_t)rows * (size_t)h;
    const float* b = bt_given(c, BT_RNN_B) ? (const float*)c->in[BT_RNN_B]->data + at * 2 * (size_t)rows : NULL;
    const float* rb = b ? b + rows : NULL;
    bt_pack_f32(k, rows, in, wd, in, 1, b, (float*)(void*)(w + at * weights->w_bytes));
    bt_pack_f32(k, early, h, rd, h, 1, rb, (float*)(void*)(r + at * weights->r_bytes));
    if (kind->late)
      bt_pack_f32(k, kind->late * h, h, rd + (size_t)early * (size_t)h, h, 1, rb ? rb + early : NULL,
                  (float*)(void*)(late + at * weights->late_bytes));
  }
}

/* Kernels count rows and columns in int. */
static bt_status check_size(bt_call* c, const bt_rnn_kind* kind) {
  const int64_t rows = bt_dim_mul(kind->gates, c->in[BT_RNN_R]->dims[2]);
  if (rows > INT32_MAX / 2 || c->in[BT_RNN_W]->dims[2] > INT32_MAX / 2)
    return bt_fail(c, BT_UNSUPPORTED, "its weights are too large");
  return BT_OK;
}

bt_status bt_rnn_load(bt_call* c, const bt_rnn_kind* kind) {
  for (int i = BT_RNN_W; i <= BT_RNN_B; ++i)
    if (bt_given(c, i) && !c->in[i]->constant) return BT_OK;
  int64_t h = 0;
  BT_TRY(check_attrs(c, kind, &h));
  BT_TRY(check_size(c, kind));
  bt_rnn_weights sizes = {0};
  const size_t bytes = pack_bytes(c, kind, &sizes);
  bt_rnn_weights* weights = bt_keep(c, sizeof *weights);
  unsigned char* memory = bt_keep(c, bytes);
  if (!weights || !memory) return bt_fail_memory(c);
  pack(c, kind, memory, &sizes);
  *weights = sizes;
  c->weights = weights;
  c->loaded = 1u << BT_RNN_W | 1u << BT_RNN_R | 1u << BT_RNN_B;
  return BT_OK;
}

/* ---- plan ---- */

typedef struct plan {
  bt_rnn_run run; /* what stays from run to run */
  bt_rnn_weights own;
  bt_product project, recur, late;
  bt_activation f[MOST_FUNCTIONS];
  int input, directions;
  /* offsets in the scratch */
  size_t projected_at, sums_at, h_at, cell_at, reset_at, product_at, pack_at;
} plan;

static bt_product dense(int64_t rows, int cols, int depth, ptrdiff_t c_stride) {
  return (bt_product){.rows = rows, .cols = cols, .depth = depth, .taps = 1, .lo = -INFINITY,
                      .hi = INFINITY, .c_stride = c_stride, .a_stride = depth, .fill = bt_dense_rows};
}

/* Offset of a float array of rows * columns; false where it cannot be counted. */
static int reserve(size_t* at, size_t* total, int64_t rows, int64_t columns) {
  const int64_t n = bt_dim_mul(rows, columns);
  if (n > INT64_MAX / 64) return 0;
  *at = *total;
  *total += align((size_t)n * sizeof(float));
  return *total < (size_t)INT64_MAX / 2;
}

bt_status bt_rnn_prepare(bt_call* c, const bt_rnn_kind* kind) {
  const bt_kernels* k = bt_call_kernels(c);
  const bt_tensor* x = c->in[BT_RNN_X];
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  BT_TRY(check_size(c, kind));
  BT_TRY(read_activations(c, kind, p->f));
  bt_rnn_run* r = &p->run;
  r->kind = kind;
  r->batch_first = c->attr[kind->layout].i != 0;
  r->steps = x->dims[r->batch_first];
  r->batch = x->dims[!r->batch_first];
  r->hidden = hidden_of(c);
  r->clip = c->attr[BT_RNN_CLIP].f;
  p->input = input_of(c);
  p->directions = directions(c);
  const int h = r->hidden, rows = kind->gates * h, early = (kind->gates - kind->late) * h;
  const int64_t all = bt_dim_mul(r->steps, r->batch);
  size_t total = 0;
  if (!reserve(&p->projected_at, &total, all, rows) || !reserve(&p->sums_at, &total, r->batch, rows) ||
      !reserve(&p->h_at, &total, r->batch, h) || !reserve(&p->cell_at, &total, r->batch, h) ||
      !reserve(&p->reset_at, &total, r->batch, h))
    return bt_fail(c, BT_UNSUPPORTED, "its sequences are too long to be kept");
  p->project = dense(all, rows, p->input, rows);
  p->recur = dense(r->batch, early, h, rows);
  p->late = dense(r->batch, rows - early, h, rows);
  p->project.panel_bytes = bt_panel_f32(k, p->input);
  p->recur.panel_bytes = p->late.panel_bytes = bt_panel_f32(k, h);
  size_t product = bt_product_scratch(k, &p->project);
  if (bt_product_scratch(k, &p->recur) > product) product = bt_product_scratch(k, &p->recur);
  if (kind->late && bt_product_scratch(k, &p->late) > product) product = bt_product_scratch(k, &p->late);
  p->product_at = total, total += align(product) * (size_t)bt_threads(c);
  p->pack_at = total;
  if (!c->weights) total += pack_bytes(c, kind, &p->own);
  c->scratch_bytes = total;
  return BT_OK;
}

/* ---- running ---- */

int64_t bt_rnn_time(const bt_rnn_run* r, int64_t b) {
  const int64_t length = r->lengths ? r->lengths[b] : r->steps;
  if (r->step >= length) return -1;
  return r->backwards ? length - 1 - r->step : r->step;
}

static size_t row_of(const bt_rnn_run* r, int64_t b, int64_t time) {
  return (size_t)(r->batch_first ? b * r->steps + time : time * r->batch + b);
}

const float* bt_rnn_projected(const bt_rnn_run* r, int64_t b, int64_t time) {
  return r->projected + row_of(r, b, time) * (size_t)(r->kind->gates * r->hidden);
}

void bt_rnn_emit(const bt_rnn_run* r, int64_t b, int64_t time) {
  if (!r->y) return;
  const plan* p = r->c->plan;
  const size_t h = (size_t)r->hidden, d = (size_t)r->direction, n = (size_t)p->directions;
  const size_t row = r->batch_first ? row_of(r, b, time) * n + d
                                    : ((size_t)time * n + d) * (size_t)r->batch + (size_t)b;
  memcpy(r->y + row * h, r->h + (size_t)b * h, h * sizeof(float));
}

void bt_rnn_activate(const bt_rnn_run* r, int i, float* x, size_t n) {
  if (r->clip < INFINITY) r->k->clamp(x, x, n, -r->clip, r->clip);
  bt_activate(r->k, &r->f[i], x, n);
}

void bt_rnn_rows(bt_rnn_run* r, bt_part_fn fn) {
  const int64_t work = (int64_t)r->kind->gates * r->hidden;
  bt_parallel(r->c, r->batch, 4096 / (work + 1) + 1, fn, r);
}

void bt_rnn_late_product(bt_rnn_run* r, const float* from) {
  plan* p = r->c->plan;
  p->late.a = from;
  p->late.c = r->sums + p->recur.cols;
  p->late.panels = r->weights->late + (size_t)r->direction * r->weights->late_bytes;
  bt_product_run(r->c, &p->late, r->product_scratch);
}

static bt_status check_lengths(bt_call* c, int64_t batch, int64_t steps) {
  const int32_t* lengths = c->in[BT_RNN_LENGTHS]->data;
  for (int64_t b = 0; b < batch; ++b)
    if (lengths[b] < 0 || lengths[b] > steps)
      return bt_fail(c, BT_BAD_INPUT, "sequence %" PRId64 " has length %d; the input has %" PRId64 " steps",
                     b, lengths[b], steps);
  return BT_OK;
}

/* Copies the state of one direction from a tensor [direction, batch, h] or [batch, direction, h] to
   `rows`, or back. */
static void move_state(const bt_rnn_run* r, const bt_tensor* t, float* rows, int back) {
  const plan* p = r->c->plan;
  const size_t h = (size_t)r->hidden, bytes = h * sizeof(float);
  for (int64_t b = 0; bytes && b < r->batch; ++b) {
    const int64_t row = r->batch_first ? b * p->directions + r->direction : r->direction * r->batch + b;
    float* there = (float*)t->data + (size_t)row * h;
    if (back) memcpy(there, rows + (size_t)b * h, bytes);
    else memcpy(rows + (size_t)b * h, there, bytes);
  }
}

static void start_state(const bt_rnn_run* r, int input, float* rows) {
  const size_t bytes = (size_t)r->batch * (size_t)r->hidden * sizeof(float);
  if (bt_given(r->c, input)) move_state(r, r->c->in[input], rows, 0);
  else if (bytes) memset(rows, 0, bytes);
}

static void run_direction(bt_call* c, bt_rnn_run* r, bt_rnn_step_fn step) {
  plan* p = c->plan;
  p->project.a = c->in[BT_RNN_X]->data;
  p->project.c = (void*)(uintptr_t)r->projected;
  p->project.panels = r->weights->w + (size_t)r->direction * r->weights->w_bytes;
  p->recur.a = r->h;
  p->recur.c = r->sums;
  p->recur.panels = r->weights->r + (size_t)r->direction * r->weights->r_bytes;
  start_state(r, BT_RNN_H, r->h);
  start_state(r, BT_RNN_C, r->cell);
  bt_product_run(c, &p->project, r->product_scratch);
  for (r->step = 0; r->step < r->steps; ++r->step) {
    bt_product_run(c, &p->recur, r->product_scratch);
    step(r);
  }
  if (bt_wants(c, 1)) move_state(r, c->out[1], r->h, 1);
  if (bt_wants(c, 2)) move_state(r, c->out[2], r->cell, 1);
}

bt_status bt_rnn_run_all(bt_call* c, const bt_rnn_kind* kind, bt_rnn_step_fn step) {
  plan* p = c->plan;
  unsigned char* scratch = c->scratch;
  bt_rnn_run r = p->run;
  r.c = c;
  r.k = bt_call_kernels(c);
  r.projected = (const float*)(const void*)(scratch + p->projected_at);
  r.sums = (float*)(void*)(scratch + p->sums_at);
  r.h = (float*)(void*)(scratch + p->h_at);
  r.cell = (float*)(void*)(scratch + p->cell_at);
  r.reset = (float*)(void*)(scratch + p->reset_at);
  r.product_scratch = scratch + p->product_at;
  r.y = bt_wants(c, 0) ? c->out[0]->data : NULL;
  r.weights = c->weights;
  if (!r.weights) {
    pack(c, kind, scratch + p->pack_at, &p->own);
    r.weights = &p->own;
  }
  if (bt_given(c, BT_RNN_LENGTHS)) {
    BT_TRY(check_lengths(c, r.batch, r.steps));
    r.lengths = c->in[BT_RNN_LENGTHS]->data;
    if (r.y && bt_bytes(c->out[0])) memset(r.y, 0, bt_bytes(c->out[0])); /* behind the ends */
  }
  for (int d = 0; d < p->directions; ++d) {
    r.direction = d;
    r.backwards = d == 1 || c->attr[BT_RNN_DIRECTION].i == 1;
    r.f = p->f + d * kind->functions;
    r.peepholes = bt_given(c, BT_RNN_PEEPHOLES)
                      ? (const float*)c->in[BT_RNN_PEEPHOLES]->data + (size_t)d * 3 * (size_t)r.hidden
                      : NULL;
    run_direction(c, &r, step);
  }
  return BT_OK;
}

int64_t bt_rnn_macs(const bt_call* c) {
  const bt_tensor* x = c->in[BT_RNN_X];
  const int64_t weights = bt_dim_add(bt_count(c->in[BT_RNN_W]), bt_count(c->in[BT_RNN_R]));
  return bt_dim_mul(bt_dim_mul(x->dims[0], x->dims[1]), weights);
}
