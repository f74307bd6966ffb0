/* SPDX-License-Identifier: Apache-2.0
   The frame of RNN, GRU and LSTM. It checks shapes, packs the weights (once, where they are constant),
   multiplies the whole input sequence with W in one product, and then walks the time steps of each
   direction; the operator's file brings what happens in one step.

   Inputs: X, W, R, bias, lengths of the sequences (i32), initial h, and for LSTM initial c and
   peepholes. With layout 0, X is [time, batch, input], Y [time, direction, batch, hidden] and states
   are [direction, batch, hidden]; with layout 1, [batch, time, input], [batch, time, direction, hidden]
   and [batch, direction, hidden].

   A gate's sum is (W bias + x W) + (R bias + h R): two chains of products, each started from its own
   bias (docs/numerics.md), and one addition. */
#ifndef BANTAM_OPS_SHARED_RECURRENT_H_
#define BANTAM_OPS_SHARED_RECURRENT_H_
#include "kernels/kernels.h"
#include "ops/shared/activation.h"
#include "ops/shared/product.h"

enum { BT_RNN_X, BT_RNN_W, BT_RNN_R, BT_RNN_B, BT_RNN_LENGTHS, BT_RNN_H, BT_RNN_C, BT_RNN_PEEPHOLES };

#define BT_RNN_DIRECTIONS "forward|reverse|bidirectional"
/* The attributes that all three have come first, in this order. */
enum { BT_RNN_ALPHA, BT_RNN_BETA, BT_RNN_ACTIVATIONS, BT_RNN_CLIP, BT_RNN_DIRECTION, BT_RNN_HIDDEN,
       BT_RNN_OWN };
#define BT_RNN_ATTRS                                                              \
  {.name = "activation_alpha", .kind = BT_FLOATS},                                \
  {.name = "activation_beta", .kind = BT_FLOATS},                                 \
  {.name = "activations", .kind = BT_TEXTS},                                      \
  {.name = "clip", .kind = BT_FLOAT, .f = INFINITY},                              \
  {.name = "direction", .kind = BT_ENUM, .words = BT_RNN_DIRECTIONS},             \
  {.name = "hidden_size", .kind = BT_INT}

/* What distinguishes the three. */
typedef struct bt_rnn_kind {
  int gates;     /* in W and R */
  int late;      /* gates at the end whose product with R the step computes itself (GRU: 1) */
  int functions; /* activations in one direction */
  int layout;    /* index of the attribute */
  const char* defaults[3]; /* names of the activations */
} bt_rnn_kind;

/* One direction while it runs. */
typedef struct bt_rnn_run {
  bt_call* c;
  const bt_kernels* k;
  const bt_rnn_kind* kind;
  int64_t step, steps, batch;
  int hidden, direction, backwards, batch_first;
  float clip;
  const bt_activation* f;   /* the activations of this direction */
  const int32_t* lengths;   /* NULL: all are `steps` long */
  const float* projected;   /* [time and batch as in X][gates * hidden]: W bias + x W */
  float* sums;              /* [batch][gates * hidden]: R bias + h R, but for late gates */
  float *h, *cell;          /* [batch][hidden] */
  float* reset;             /* [batch][hidden]: room for the operand of late gates */
  const float* peepholes;   /* [3][hidden], or NULL */
  float* y;                 /* Y of this direction, or NULL */
  struct bt_rnn_weights* weights;
  void* product_scratch;
} bt_rnn_run;

/* Computes h (and cell) of one step. Rows whose sequence has ended keep theirs: bt_rnn_time is -1. */
typedef void (*bt_rnn_step_fn)(bt_rnn_run* r);

bt_status bt_rnn_infer(bt_call* c, const bt_rnn_kind* kind);
bt_status bt_rnn_load(bt_call* c, const bt_rnn_kind* kind);
bt_status bt_rnn_prepare(bt_call* c, const bt_rnn_kind* kind);
bt_status bt_rnn_run_all(bt_call* c, const bt_rnn_kind* kind, bt_rnn_step_fn step);
int64_t bt_rnn_macs(const bt_call* c);

/* The time that batch row b is at, or -1. */
int64_t bt_rnn_time(const bt_rnn_run* r, int64_t b);
/* The row of `projected` of that time. */
const float* bt_rnn_projected(const bt_rnn_run* r, int64_t b, int64_t time);
/* The late gates' product: sums of their columns become R bias + from R; `from` is [batch][hidden]. */
void bt_rnn_late_product(bt_rnn_run* r, const float* from);
/* Runs a function over the batch rows on all threads; its argument is the bt_rnn_run. */
void bt_rnn_rows(bt_rnn_run* r, bt_part_fn fn);
/* Clips, then activates with function i. */
void bt_rnn_activate(const bt_rnn_run* r, int i, float* x, size_t n);
/* Writes h of row b to Y. */
void bt_rnn_emit(const bt_rnn_run* r, int64_t b, int64_t time);

#endif
