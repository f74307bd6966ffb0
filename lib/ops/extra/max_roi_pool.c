/* SPDX-License-Identifier: Apache-2.0
   MaxRoiPool: cuts regions out of images and reduces each to pooled_shape by the largest elements
   of a grid of bins. Inputs: X [N,C,H,W] and rois [R,5], rows of (image, x1, y1, x2, y2) in pixels
   of the image times 1 / spatial_scale. Bins outside of the image give 0. */
#include <math.h>

#include "kernels/math_f32.h"
#include "runtime/shape.h"

enum { POOLED_SHAPE, SPATIAL_SCALE };
static const bt_attr_spec attrs[] = {{.name = "pooled_shape", .kind = BT_INTS, .required = 1},
                                     {.name = "spatial_scale", .kind = BT_FLOAT, .f = 1.0f},
                                     {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[0], *rois = c->in[1];
  const bt_attr* pooled = &c->attr[POOLED_SHAPE];
  BT_TRY(bt_need_type(c, 0, BT_BIT(BT_F32) | BT_TYPES_HALF));
  BT_TRY(bt_need_same_type(c, 0, 1));
  BT_TRY(bt_need_rank(c, 0, 4));
  BT_TRY(bt_need_rank(c, 1, 2));
  if (pooled->n != 2 || pooled->u.ints[0] < 1 || pooled->u.ints[1] < 1)
    return bt_fail(c, BT_BAD_INPUT, "pooled_shape must be two numbers of at least 1");
  if (bt_has_rank(rois) && bt_clash(rois->dims[1], 5))
    return bt_fail(c, BT_BAD_INPUT, "rois has rows of %lld numbers; 5 are needed",
                   (long long)rois->dims[1]);
  const int64_t dims[4] = {bt_has_rank(rois) ? rois->dims[0] : -1, bt_has_rank(x) ? x->dims[1] : -1,
                           pooled->u.ints[0], pooled->u.ints[1]};
  bt_set_shape(c->out[0], x->dtype, 4, dims);
  return BT_OK;
}

/* A region along one axis, and how many bins it is cut into. */
typedef struct span {
  float start, bin;
  int64_t limit; /* length of the image */
} span;

/* Halves are rounded away from zero, coordinates beyond all images are bounded. */
static span make_span(float from, float to, float scale, int64_t bins, int64_t limit) {
  const float far = 1e9f;
  const float start = bt_clamp_f32(roundf(from * scale), -far, far);
  const float end = bt_clamp_f32(roundf(to * scale), -far, far);
  const float length = end - start + 1.0f;
  return (span){start, (length > 1.0f ? length : 1.0f) / (float)bins, limit};
}

static int64_t bounded(float v, int64_t limit) {
  return v > 0.0f ? (v < (float)limit ? (int64_t)v : limit) : 0; /* NaN gives 0 */
}
static int64_t bin_begin(const span* s, int64_t i) {
  return bounded(floorf((float)i * s->bin) + s->start, s->limit);
}
static int64_t bin_end(const span* s, int64_t i) {
  return bounded(ceilf((float)(i + 1) * s->bin) + s->start, s->limit);
}

static float largest(const float* plane, int64_t width, const span* h, const span* w, int64_t i,
                     int64_t j) {
  const int64_t x0 = bin_begin(w, j), x1 = bin_end(w, j), y1 = bin_end(h, i);
  int empty = 1;
  float most = 0.0f;
  for (int64_t y = bin_begin(h, i); y < y1; ++y)
    for (int64_t x = x0; x < x1; ++x, empty = 0)
      most = empty ? plane[y * width + x] : bt_max_f32(plane[y * width + x], most);
  return most;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[0], *y = c->out[0];
  const int64_t images = x->dims[0], channels = x->dims[1], height = x->dims[2], width = x->dims[3];
  const int64_t rows = y->dims[2], cols = y->dims[3];
  const float scale = c->attr[SPATIAL_SCALE].f;
  float* to = y->data;
  for (int64_t r = 0; r < y->dims[0]; ++r) {
    const float* roi = (const float*)c->in[1]->data + 5 * r;
    if (!(roi[0] >= 0.0f && roi[0] < (float)images))
      return bt_fail(c, BT_BAD_INPUT, "region %lld lies in image %g; there are %lld", (long long)r,
                     (double)roi[0], (long long)images);
    const span w = make_span(roi[1], roi[3], scale, cols, width);
    const span h = make_span(roi[2], roi[4], scale, rows, height);
    for (int64_t ch = 0; ch < channels; ++ch) {
      const float* plane =
          (const float*)x->data + ((int64_t)roi[0] * channels + ch) * height * width;
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < cols; ++j) *to++ = largest(plane, width, &h, &w, i, j);
    }
  }
  return BT_OK;
}

const bt_op bt_op_max_roi_pool = {
    .name = "MaxRoiPool", .summary = "Largest elements of a grid of bins in each region.",
    .attrs = attrs, .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1,
    .flags = BT_OP_HALF | BT_OP_EXTRA, .infer = infer, .run = run};
