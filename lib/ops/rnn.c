/* SPDX-License-Identifier: Apache-2.0
   RNN: h = f(x W + h R + bias), step by step; recurrent.h has the frame. */
#include <math.h>

#include "ops/shared/recurrent.h"

enum { LAYOUT = BT_RNN_OWN };
static const bt_attr_spec attrs[] = {BT_RNN_ATTRS, {.name = "layout", .kind = BT_INT}, {0}};
static const bt_rnn_kind kind = {.gates = 1, .functions = 1, .layout = LAYOUT, .defaults = {"tanh"}};

static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_rnn_run* r = arg;
  const size_t n = (size_t)r->hidden;
  (void)thread;
  for (int64_t b = begin; b < end; ++b) {
    const int64_t time = bt_rnn_time(r, b);
    if (time < 0) continue;
    float* h = r->h + (size_t)b * n;
    r->k->binary[BT_ADD](bt_rnn_projected(r, b, time), r->sums + (size_t)b * n, h, n, BT_BOTH);
    bt_rnn_activate(r, 0, h, n);
    bt_rnn_emit(r, b, time);
  }
}

static void step(bt_rnn_run* r) { bt_rnn_rows(r, rows); }

static bt_status infer(bt_call* c) { return bt_rnn_infer(c, &kind); }
static bt_status load(bt_call* c) { return bt_rnn_load(c, &kind); }
static bt_status prepare(bt_call* c) { return bt_rnn_prepare(c, &kind); }
static bt_status run(bt_call* c) { return bt_rnn_run_all(c, &kind, step); }

const bt_op bt_op_rnn = {
    .name = "RNN", .summary = "A simple recurrent layer.", .attrs = attrs, .in_min = 3, .in_max = 6,
    .out_min = 1, .out_max = 2, .flags = BT_OP_HALF, .infer = infer, .load = load,
    .prepare = prepare, .run = run, .macs = bt_rnn_macs};
