/* SPDX-License-Identifier: Apache-2.0
   BatchNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, channel by channel.
   Inputs: X, scale, bias, mean, variance. In training mode mean and variance are those of X, and
   outputs 1 and 2 are the running ones, input * momentum + X's * (1 - momentum). */
#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/affine.h"
#include "ops/shared/axis.h"
#include "ops/shared/window.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE };
enum { EPSILON, LAYOUT, MOMENTUM, TRAINING };
static const bt_attr_spec attrs[] = {
    {.name = "epsilon", .kind = BT_FLOAT, .f = 1e-5f},
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {.name = "momentum", .kind = BT_FLOAT, .f = 0.9f},
    {.name = "training_mode", .kind = BT_INT},
    {0}};

static int channel_axis(const bt_call* c) { return c->attr[LAYOUT].i ? c->in[X]->rank - 1 : 1; }

static bt_status infer(bt_call* c) {
  static const char* const what[] = {"", "the scale", "the bias", "the mean", "the variance"};
  const bt_tensor* x = c->in[X];
  for (int i = X; i <= VARIANCE; ++i) BT_TRY(bt_need_type(c, i, BT_TYPES_FLOAT));
  BT_TRY(bt_need_rank_between(c, X, 2, BT_MAX_RANK));
  for (int i = SCALE; i <= VARIANCE; ++i)
    BT_TRY(bt_need_vector(c, i, bt_has_rank(x) ? x->dims[channel_axis(c)] : -1, what[i]));
  bt_set_like(c->out[0], x);
  if (c->n_out > 1 && !c->attr[TRAINING].i)
    return bt_fail(c, BT_BAD_INPUT, "has %d outputs, but training_mode is 0", c->n_out);
  for (int i = 1; i < c->n_out; ++i) bt_set_like(c->out[i], c->in[MEAN + i - 1]);
  return BT_OK;
}

static int is_plain(const bt_call* c) { return c->in[X]->dtype == BT_F32 && !c->attr[TRAINING].i; }

/* Room for mean, factor and bias as floats. */
static bt_status prepare(bt_call* c) {
  const size_t channels = (size_t)c->in[X]->dims[channel_axis(c)];
  if (is_plain(c)) c->scratch_bytes = channels * 3 * sizeof(float);
  return BT_OK;
}

/* ---- floats, inference ---- */

typedef struct job {
  const bt_kernels* k;
  const float* x;
  float* y;
  bt_affine affine;
  bt_axis axis;
} job;

/* Parts are rows: pixels with all channels, or planes of one channel. */
static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const int64_t channels = j->axis.n, inner = j->axis.inner;
  (void)thread;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t ch = inner == 1 ? 0 : i % channels, n = inner == 1 ? channels : inner;
    const bt_affine a = {j->affine.mean + ch, j->affine.factor + ch, j->affine.bias + ch};
    bt_affine_row(j->k, &a, j->x + i * n, j->y + i * n, n, inner == 1 ? BT_BOTH : BT_B_ONE);
  }
}

static void run_floats(bt_call* c) {
  job j = {.k = bt_call_kernels(c), .x = c->in[X]->data, .y = c->out[0]->data,
           .axis = bt_split_at(c->in[X], channel_axis(c))};
  const int64_t channels = j.axis.n;
  float *mean = c->scratch, *factor = mean + channels, *bias = factor + channels;
  for (int64_t i = 0; i < channels; ++i) {
    mean[i] = (float)bt_get(c->in[MEAN], i);
    factor[i] = (float)bt_get(c->in[SCALE], i) /
                sqrtf((float)bt_get(c->in[VARIANCE], i) + c->attr[EPSILON].f);
    bias[i] = (float)bt_get(c->in[BIAS], i);
  }
  j.affine = (bt_affine){mean, factor, bias};
  const int64_t rows = j.axis.inner == 1 ? j.axis.outer : j.axis.outer * channels;
  const int64_t length = j.axis.inner == 1 ? channels : j.axis.inner;
  bt_parallel(c, rows, 1 + 16384 / (length + 1), part, &j);
}

/* ---- doubles, and training ---- */

static int64_t element_of(bt_axis a, int64_t channel, int64_t i) {
  return (i / a.inner * a.n + channel) * a.inner + i % a.inner;
}

/* Mean and (population) variance of a channel of X. */
static void measure(const bt_tensor* x, bt_axis a, int64_t channel, double* mean,
                    double* variance) {
  const int64_t n = a.outer * a.inner;
  double sum = 0.0, squares = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += bt_get(x, element_of(a, channel, i));
  *mean = sum / (double)n;
  for (int64_t i = 0; i < n; ++i) {
    const double d = bt_get(x, element_of(a, channel, i)) - *mean;
    squares = fma(d, d, squares);
  }
  *variance = squares / (double)n;
}

static void run_doubles(bt_call* c) {
  const bt_tensor* x = c->in[X];
  const bt_axis a = bt_split_at(x, channel_axis(c));
  const int training = c->attr[TRAINING].i != 0;
  const double momentum = (double)c->attr[MOMENTUM].f, epsilon = (double)c->attr[EPSILON].f;
  for (int64_t ch = 0; ch < a.n; ++ch) {
    double used[2] = {bt_get(c->in[MEAN], ch), bt_get(c->in[VARIANCE], ch)};
    const double before[2] = {used[0], used[1]};
    if (training) measure(x, a, ch, &used[0], &used[1]);
    for (int i = 1; i <= 2; ++i)
      if (bt_wants(c, i))
        bt_put(c->out[i], ch, before[i - 1] * momentum + used[i - 1] * (1.0 - momentum));
    const double factor = bt_get(c->in[SCALE], ch) / sqrt(used[1] + epsilon);
    const double bias = bt_get(c->in[BIAS], ch);
    for (int64_t i = 0; i < a.outer * a.inner && bt_wants(c, 0); ++i) {
      const int64_t at = element_of(a, ch, i);
      bt_put(c->out[0], at, (bt_get(x, at) - used[0]) * factor + bias);
    }
  }
}

static bt_status run(bt_call* c) {
  if (is_plain(c)) run_floats(c);
  else run_doubles(c);
  return BT_OK;
}

const bt_op bt_op_batch_normalization = {
    .name = "BatchNormalization", .summary = "Normalisation of channels by stored statistics.",
    .attrs = attrs, .in_min = 5, .in_max = 5, .out_min = 1, .out_max = 3, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .infer = infer, .prepare = prepare, .run = run};
