/* SPDX-License-Identifier: Apache-2.0
   LRN, local response normalization: y = x / (bias + alpha / size * s)^beta, where s is the sum of
   squares over `size` neighbouring channels, as far as there are any. */
#include <math.h>

#include "kernels/kernels.h"
#include "kernels/math_f64.h"
#include "ops/shared/image.h"
#include "runtime/shape.h"

enum { ALPHA, BETA, BIAS, LAYOUT, SIZE };
static const bt_attr_spec attrs[] = {
    {.name = "alpha", .kind = BT_FLOAT, .f = 1e-4f},
    {.name = "beta", .kind = BT_FLOAT, .f = 0.75f},
    {.name = "bias", .kind = BT_FLOAT, .f = 1.0f},
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {.name = "size", .kind = BT_INT, .required = 1},
    {0}};

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_BIT(BT_F32) | BT_TYPES_HALF));
  BT_TRY(bt_need_rank_between(c, 0, 3, BT_MAX_RANK));
  if (c->attr[SIZE].i < 1)
    return bt_fail(c, BT_BAD_INPUT, "size is %lld; it must be at least 1",
                   (long long)c->attr[SIZE].i);
  bt_set_like(c->out[0], c->in[0]);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  if (c->attr[LAYOUT].i) c->scratch_bytes = 2 * bt_bytes(c->in[0]);
  return BT_OK;
}

#define BLOCK 512 /* neighbouring positions of one channel */

typedef struct job {
  const bt_call* c;
  const bt_kernels* k;
  const float* x; /* channels first */
  float* y;
  int64_t channels, plane;
} job;

/* v^beta; 3/4, which all models have, by square roots. */
static void power(float* v, size_t n, float beta) {
  if (beta == 0.75f)
    for (size_t i = 0; i < n; ++i) v[i] = sqrtf(v[i]) * sqrtf(sqrtf(v[i]));
  else
    for (size_t i = 0; i < n; ++i) v[i] = (float)bt_pow((double)v[i], (double)beta);
}

static void normalise(const job* j, const float* image, int64_t channel, int64_t at, float* y,
                      size_t n) {
  const bt_attr* attr = j->c->attr;
  const int64_t size = attr[SIZE].i, before = (size - 1) / 2, behind = size - 1 - before;
  const int64_t first = channel > before ? channel - before : 0;
  const int64_t last = behind < j->channels - 1 - channel ? channel + behind : j->channels - 1;
  const float factor = attr[ALPHA].f / (float)size;
  float sum[BLOCK] = {0.0f}, square[BLOCK];
  for (int64_t i = first; i <= last; ++i) {
    j->k->unary[BT_SQUARE](image + i * j->plane + at, square, n);
    j->k->binary[BT_ADD](sum, square, sum, n, BT_BOTH);
  }
  j->k->binary[BT_MUL](sum, &factor, sum, n, BT_B_ONE);
  j->k->binary[BT_ADD](sum, &attr[BIAS].f, sum, n, BT_B_ONE);
  power(sum, n, attr[BETA].f);
  j->k->binary[BT_DIV](image + channel * j->plane + at, sum, y, n, BT_BOTH);
}

/* Parts are channels, over all images. */
static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  (void)thread;
  for (int64_t p = begin; p < end; ++p) {
    const int64_t channel = p % j->channels;
    const float* image = j->x + (p - channel) * j->plane;
    for (int64_t at = 0; at < j->plane; at += BLOCK) {
      const int64_t n = j->plane - at < BLOCK ? j->plane - at : BLOCK;
      normalise(j, image, channel, at, j->y + p * j->plane + at, (size_t)n);
    }
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  const int last = c->attr[LAYOUT].i != 0;
  const int64_t images = x->dims[0], channels = x->dims[last ? x->rank - 1 : 1];
  job j = {.c = c, .k = bt_call_kernels(c), .x = x->data, .y = c->out[0]->data,
           .channels = channels,
           .plane = last ? bt_extent(x, 1, x->rank - 1) : bt_extent(x, 2, x->rank)};
  if (bt_count(x) == 0) return BT_OK;
  if (last) {
    bt_channels_first(c, x->data, c->scratch, images, channels, j.plane, sizeof(float));
    j.x = c->scratch;
    j.y = (float*)c->scratch + bt_count(x);
  }
  bt_parallel(c, images * channels, 1 + 4096 / j.plane, part, &j);
  if (last) bt_channels_last(c, j.y, c->out[0]->data, images, channels, j.plane, sizeof(float));
  return BT_OK;
}

const bt_op bt_op_lrn = {
    .name = "LRN", .summary = "Local response normalization over channels.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .infer = infer, .prepare = prepare, .run = run};
