/* SPDX-License-Identifier: Apache-2.0
   GRU: a recurrent layer with an update gate z and a reset gate r; recurrent.h has the frame. W, R and
   the bias hold the rows of z, r and the hidden gate h~, in this order:
     z = f(x Wz + h Rz)    r = f(x Wr + h Rr)
     h~ = g(x Wh + (r * h) Rh), or g(x Wh + r * (h Rh)) with linear_before_reset
     h = (1 - z) * h~ + z * h
   where every product comes with its own bias. */
#include <math.h>

#include "ops/shared/recurrent.h"

enum { LAYOUT = BT_RNN_OWN, LINEAR_BEFORE_RESET };
static const bt_attr_spec attrs[] = {BT_RNN_ATTRS, {.name = "layout", .kind = BT_INT},
                                     {.name = "linear_before_reset", .kind = BT_INT}, {0}};
static const bt_rnn_kind kind = {.gates = 3, .late = 1, .functions = 2, .layout = LAYOUT,
                                 .defaults = {"sigmoid", "tanh"}};
enum { F, G };

/* z and r, and r * h for the late product. */
static void gate_rows(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_rnn_run* r = arg;
  const size_t n = (size_t)r->hidden;
  (void)thread;
  for (int64_t b = begin; b < end; ++b) {
    float *zr = r->sums + (size_t)b * 3 * n, *reset = r->reset + (size_t)b * n;
    const int64_t time = bt_rnn_time(r, b);
    if (time >= 0) {
      r->k->binary[BT_ADD](bt_rnn_projected(r, b, time), zr, zr, 2 * n, BT_BOTH);
      bt_rnn_activate(r, F, zr, 2 * n);
    }
    r->k->binary[BT_MUL](zr + n, r->h + (size_t)b * n, reset, n, BT_BOTH);
  }
}

static void hidden_rows(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_rnn_run* r = arg;
  const size_t n = (size_t)r->hidden;
  const int linear = r->c->attr[LINEAR_BEFORE_RESET].i != 0;
  (void)thread;
  for (int64_t b = begin; b < end; ++b) {
    const int64_t time = bt_rnn_time(r, b);
    if (time < 0) continue;
    float *z = r->sums + (size_t)b * 3 * n, *next = z + 2 * n, *h = r->h + (size_t)b * n;
    if (linear) r->k->binary[BT_MUL](z + n, next, next, n, BT_BOTH);
    r->k->binary[BT_ADD](bt_rnn_projected(r, b, time) + 2 * n, next, next, n, BT_BOTH);
    bt_rnn_activate(r, G, next, n);
    for (size_t i = 0; i < n; ++i) h[i] = (1.0f - z[i]) * next[i] + z[i] * h[i];
    bt_rnn_emit(r, b, time);
  }
}

static void step(bt_rnn_run* r) {
  bt_rnn_rows(r, gate_rows);
  bt_rnn_late_product(r, r->c->attr[LINEAR_BEFORE_RESET].i ? r->h : r->reset);
  bt_rnn_rows(r, hidden_rows);
}

static bt_status infer(bt_call* c) { return bt_rnn_infer(c, &kind); }
static bt_status load(bt_call* c) { return bt_rnn_load(c, &kind); }
static bt_status prepare(bt_call* c) { return bt_rnn_prepare(c, &kind); }
static bt_status run(bt_call* c) { return bt_rnn_run_all(c, &kind, step); }

const bt_op bt_op_gru = {
    .name = "GRU", .summary = "A recurrent layer with gated updates.", .attrs = attrs, .in_min = 3,
    .in_max = 6, .out_min = 1, .out_max = 2, .flags = BT_OP_HALF, .infer = infer, .load = load,
    .prepare = prepare, .run = run, .macs = bt_rnn_macs};
