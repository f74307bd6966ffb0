/* SPDX-License-Identifier: Apache-2.0
   LSTM: a recurrent layer with a cell c beside its state h; recurrent.h has the frame. W, R and the
   bias hold the rows of the gates i, o, f and the cell input g, in this order, the peepholes P those
   of i, o, f:
     i = F(x Wi + h Ri + Pi * c)    f = F(x Wf + h Rf + Pf * c), or 1 - i with input_forget
     g = G(x Wg + h Rg)             c = f * c + i * g
     o = F(x Wo + h Ro + Po * c)    h = o * H(c)
   where every product comes with its own bias. */
#include <math.h>
#include <string.h>

#include "ops/shared/recurrent.h"

enum { INPUT_FORGET = BT_RNN_OWN, LAYOUT };
static const bt_attr_spec attrs[] = {BT_RNN_ATTRS, {.name = "input_forget", .kind = BT_INT},
                                     {.name = "layout", .kind = BT_INT}, {0}};
static const bt_rnn_kind kind = {.gates = 4, .functions = 3, .layout = LAYOUT,
                                 .defaults = {"sigmoid", "tanh", "tanh"}};
enum { F, G, H };

static void peep(const float* weight, const float* cell, float* gate, size_t n) {
  for (size_t i = 0; i < n; ++i) gate[i] += weight[i] * cell[i];
}

static void one_row(const bt_rnn_run* r, float* gates, float* cell, float* h) {
  const size_t n = (size_t)r->hidden;
  float *in = gates, *out = gates + n, *forget = gates + 2 * n, *next = gates + 3 * n;
  if (r->peepholes) {
    peep(r->peepholes, cell, in, n);
    peep(r->peepholes + 2 * n, cell, forget, n);
  }
  bt_rnn_activate(r, F, in, n);
  if (r->c->attr[INPUT_FORGET].i)
    for (size_t i = 0; i < n; ++i) forget[i] = 1.0f - in[i];
  else
    bt_rnn_activate(r, F, forget, n);
  bt_rnn_activate(r, G, next, n);
  for (size_t i = 0; i < n; ++i) cell[i] = forget[i] * cell[i] + in[i] * next[i];
  if (r->peepholes) peep(r->peepholes + n, cell, out, n);
  bt_rnn_activate(r, F, out, n);
  if (n) memcpy(h, cell, n * sizeof *h);
  bt_activate(r->k, &r->f[H], h, n); /* clip bounds the gates, not the cell */
  r->k->binary[BT_MUL](out, h, h, n, BT_BOTH);
}

static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_rnn_run* r = arg;
  const size_t n = (size_t)r->hidden;
  (void)thread;
  for (int64_t b = begin; b < end; ++b) {
    const int64_t time = bt_rnn_time(r, b);
    if (time < 0) continue;
    float* gates = r->sums + (size_t)b * 4 * n;
    r->k->binary[BT_ADD](bt_rnn_projected(r, b, time), gates, gates, 4 * n, BT_BOTH);
    one_row(r, gates, r->cell + (size_t)b * n, r->h + (size_t)b * n);
    bt_rnn_emit(r, b, time);
  }
}

static void step(bt_rnn_run* r) { bt_rnn_rows(r, rows); }

static bt_status infer(bt_call* c) { return bt_rnn_infer(c, &kind); }
static bt_status load(bt_call* c) { return bt_rnn_load(c, &kind); }
static bt_status prepare(bt_call* c) { return bt_rnn_prepare(c, &kind); }
static bt_status run(bt_call* c) { return bt_rnn_run_all(c, &kind, step); }

const bt_op bt_op_lstm = {
    .name = "LSTM", .summary = "A recurrent layer with a cell.", .attrs = attrs, .in_min = 3,
    .in_max = 8, .out_min = 1, .out_max = 3, .flags = BT_OP_HALF, .infer = infer, .load = load,
    .prepare = prepare, .run = run, .macs = bt_rnn_macs};
