/* SPDX-License-Identifier: Apache-2.0
   STFT: Fourier transforms of frames that are cut from a signal [batch, length, 1 or 2] every
   frame_step samples and multiplied by a window. The length of a frame is input 3, else that of the
   window, else that of the signal. The output is [batch, frames, bins, 2]; with onesided (the
   default) bins is half the length of a frame + 1. Computed in doubles. */
#include <inttypes.h>

#include "ops/shared/elementwise.h"
#include "ops/shared/fourier.h"
#include "runtime/shape.h"

enum { SIGNAL, FRAME_STEP, WINDOW, FRAME_LENGTH };
enum { ONESIDED };
static const bt_attr_spec attrs[] = {{.name = "onesided", .kind = BT_INT, .i = 1}, {0}};

/* A number above 0, or -1 while it is not known. */
static bt_status positive(bt_call* c, int input, const char* what, int64_t* value) {
  *value = -1;
  if (!bt_has_partial(c, input)) return BT_OK;
  const int64_t v = bt_value_at(c, input, 0);
  if (bt_is_symbol(v)) return BT_OK;
  if (v < 1) return bt_fail(c, BT_BAD_INPUT, "%s is %" PRId64 "; it must be at least 1", what, v);
  *value = v;
  return BT_OK;
}

static bt_status read_frame(bt_call* c, int64_t* length, int64_t* step) {
  const bt_tensor* x = c->in[SIGNAL];
  BT_TRY(positive(c, FRAME_STEP, "frame_step", step));
  *length = -1;
  if (bt_given(c, FRAME_LENGTH)) BT_TRY(positive(c, FRAME_LENGTH, "frame_length", length));
  else if (bt_given(c, WINDOW)) *length = bt_has_rank(c->in[WINDOW]) ? c->in[WINDOW]->dims[0] : -1;
  else if (bt_has_rank(x)) *length = x->dims[1];
  BT_TRY(bt_need_vector(c, WINDOW, *length, "the window"));
  if (*length == 0) return bt_fail(c, BT_BAD_INPUT, "frames need a length above 0");
  if (bt_has_rank(x) && bt_known(x->dims[1]) && *length > x->dims[1])
    return bt_fail(c, BT_BAD_INPUT, "frames of %" PRId64 " samples cannot be cut from %" PRId64,
                   *length, x->dims[1]);
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[SIGNAL];
  int64_t length = -1, step = -1;
  BT_TRY(bt_need_type(c, SIGNAL, BT_TYPES_FLOAT));
  BT_TRY(bt_need_type(c, FRAME_STEP, BT_TYPES_INDEX));
  BT_TRY(bt_need_same_type(c, SIGNAL, WINDOW));
  BT_TRY(bt_need_type(c, FRAME_LENGTH, BT_TYPES_INDEX));
  BT_TRY(bt_need_one_element(c, FRAME_STEP, "frame_step"));
  BT_TRY(bt_need_one_element(c, FRAME_LENGTH, "frame_length"));
  BT_TRY(bt_need_vector(c, WINDOW, -1, "the window"));
  BT_TRY(bt_need_rank(c, SIGNAL, 3));
  if (bt_has_rank(x) && bt_known(x->dims[2]) && x->dims[2] != 1 && x->dims[2] != 2)
    return bt_fail(c, BT_BAD_INPUT, "the last axis has length %" PRId64 "; 1 (real) or 2 (complex) "
                   "is needed", x->dims[2]);
  if (bt_has_rank(x) && x->dims[2] == 2 && c->attr[ONESIDED].i)
    return bt_fail(c, BT_BAD_INPUT, "onesided needs a real signal; this one is complex");
  BT_TRY(read_frame(c, &length, &step));
  int64_t dims[4] = {bt_has_rank(x) ? x->dims[0] : -1, -1, -1, 2};
  if (bt_has_rank(x) && bt_known(x->dims[1]) && bt_known(length) && bt_known(step))
    dims[1] = (x->dims[1] - length) / step + 1;
  if (bt_known(length)) dims[2] = c->attr[ONESIDED].i ? length / 2 + 1 : length;
  bt_set_shape(c->out[0], x->dtype, 4, dims);
  return BT_OK;
}

typedef struct plan {
  int64_t length, step, room; /* doubles of one thread */
} plan;

static bt_status prepare(bt_call* c) {
  plan* p = bt_keep_plan(c, sizeof *p);
  if (!p) return bt_fail_memory(c);
  c->plan = p;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  BT_TRY(read_frame(c, &p->length, &p->step));
  p->room = bt_fourier_room(p->length);
  const int64_t all = bt_dim_add(bt_fourier_table(p->length), bt_dim_mul(p->room, bt_threads(c)));
  if (all > INT64_MAX / 16) return bt_fail_memory(c);
  c->scratch_bytes = (size_t)all * sizeof(double);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  const plan* p;
  const bt_fourier* f;
  double* rooms;
} job;

static void run_frames(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_call* c = j->c;
  const bt_tensor *x = c->in[SIGNAL], *window = bt_given(c, WINDOW) ? c->in[WINDOW] : NULL;
  bt_tensor y = *c->out[0];
  const int64_t frames = y.dims[1], bins = y.dims[2], parts = x->dims[2];
  double* v = j->rooms + thread * j->p->room;
  for (int64_t r = begin; r < end; ++r) {
    const int64_t first = r / frames * x->dims[1] + r % frames * j->p->step;
    for (int64_t i = 0; i < j->p->length; ++i) {
      const double w = window ? bt_get(window, i) : 1.0;
      v[2 * i] = w * bt_get(x, (first + i) * parts);
      v[2 * i + 1] = parts == 2 ? w * bt_get(x, (first + i) * parts + 1) : 0.0;
    }
    bt_fourier_run(j->f, v, 0);
    for (int64_t i = 0; i < 2 * bins; ++i) bt_put(&y, r * bins * 2 + i, v[i]);
  }
}

static bt_status run(bt_call* c) {
  const plan* p = c->plan;
  const bt_tensor* y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  bt_fourier f;
  bt_fourier_begin(&f, p->length, c->scratch);
  job j = {.c = c, .p = p, .f = &f,
           .rooms = (double*)c->scratch + bt_fourier_table(p->length)};
  bt_parallel(c, y->dims[0] * y->dims[1], 4096 / p->length + 1, run_frames, &j);
  return BT_OK;
}

const bt_op bt_op_stft = {
    .name = "STFT", .summary = "Fourier transforms of the frames of a signal.", .attrs = attrs,
    .in_min = 2, .in_max = 4, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .prepare = prepare, .run = run};
