/* SPDX-License-Identifier: Apache-2.0
   Normalisation of groups of channels. A group is one contiguous row where channels come first;
   from the last layout X is brought there, and Y back. */
#include "ops/shared/group_norm.h"

#include <math.h>

#include "kernels/kernels.h"
#include "ops/shared/affine.h"
#include "ops/shared/image.h"
#include "runtime/shape.h"

enum { X, SCALE, BIAS };

int64_t bt_group_norm_channels(const bt_call* c) {
  const bt_tensor* x = c->in[X];
  if (!bt_has_rank(x)) return -1;
  return x->dims[c->attr[BT_GROUP_NORM_LAYOUT].i ? x->rank - 1 : 1];
}

bt_status bt_group_norm_infer(bt_call* c) {
  for (int i = X; i <= BIAS; ++i) BT_TRY(bt_need_type(c, i, BT_BIT(BT_F32) | BT_TYPES_HALF));
  BT_TRY(bt_need_rank_between(c, X, 2, BT_MAX_RANK));
  BT_TRY(bt_need_vector(c, SCALE, bt_group_norm_channels(c), "the scale"));
  BT_TRY(bt_need_vector(c, BIAS, bt_group_norm_channels(c), "the bias"));
  bt_set_like(c->out[0], c->in[X]);
  return BT_OK;
}

bt_status bt_group_norm_prepare(bt_call* c) {
  if (c->attr[BT_GROUP_NORM_LAYOUT].i) c->scratch_bytes = 2 * bt_bytes(c->in[X]);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  const bt_kernels* k;
  const float* x;
  float* y;
  int64_t groups, channels, plane; /* channels of a group, elements of a channel */
} job;

/* Parts are groups, over all images. */
static void part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const size_t n = (size_t)(j->channels * j->plane);
  const float *scale = j->c->in[SCALE]->data, *bias = j->c->in[BIAS]->data;
  (void)thread;
  for (int64_t g = begin; g < end; ++g) {
    const float* x = j->x + (size_t)g * n;
    const float mean = j->k->sum(x, n) / (float)n;
    const float variance = j->k->sum_square(x, n, mean) / (float)n;
    const float inverse = 1.0f / sqrtf(variance + j->c->attr[BT_GROUP_NORM_EPSILON].f);
    for (int64_t i = 0; i < j->channels; ++i) {
      const int64_t ch = g % j->groups * j->channels + i;
      const float factor = inverse * scale[ch];
      const bt_affine a = {&mean, &factor, &bias[ch]};
      bt_affine_row(j->k, &a, x + i * j->plane, j->y + (size_t)g * n + i * j->plane, j->plane,
                    BT_B_ONE);
    }
  }
}

bt_status bt_group_norm_run(bt_call* c, int64_t groups) {
  const bt_tensor* x = c->in[X];
  const int last = c->attr[BT_GROUP_NORM_LAYOUT].i != 0;
  const int64_t channels = bt_group_norm_channels(c), images = x->dims[0];
  if (bt_count(x) == 0) return BT_OK;
  job j = {.c = c, .k = bt_call_kernels(c), .x = x->data, .y = c->out[0]->data, .groups = groups,
           .channels = channels / groups,
           .plane = last ? bt_extent(x, 1, x->rank - 1) : bt_extent(x, 2, x->rank)};
  if (last) {
    bt_channels_first(c, x->data, c->scratch, images, channels, j.plane, sizeof(float));
    j.x = c->scratch;
    j.y = (float*)c->scratch + bt_count(x);
  }
  bt_parallel(c, images * groups, 1 + 8192 / (j.channels * j.plane), part, &j);
  if (last)
    bt_channels_last(c, j.y, c->out[0]->data, images, channels, j.plane, sizeof(float));
  return BT_OK;
}
