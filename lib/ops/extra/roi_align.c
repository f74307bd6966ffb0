/* SPDX-License-Identifier: Apache-2.0
   RoiAlign: regions of images, each pooled to output_height x output_width. X is [N, C, H, W], rois
   [R, 4] (x1, y1, x2, y2, in units of 1 / spatial_scale), batch_indices [R] says which image. A
   cell is sampled bilinearly at a grid of sampling_ratio^2 places (0: about one an element), whose
   mean or maximum is the result. As in other runtimes the maximum is one of weighted elements, not
   of blended ones. Places more than one element outside of the image count as 0. */
#include <inttypes.h>
#include <math.h>

#include "runtime/shape.h"

enum { X, ROIS, BATCH_INDICES };
enum { COORDINATES, MODE, HEIGHT, WIDTH, SAMPLING_RATIO, SPATIAL_SCALE };
enum { HALF_PIXEL, OUTPUT_HALF_PIXEL };
enum { AVG, MAX };
static const bt_attr_spec attrs[] = {
    {.name = "coordinate_transformation_mode", .kind = BT_ENUM,
     .words = "half_pixel|output_half_pixel"},
    {.name = "mode", .kind = BT_ENUM, .words = "avg|max"},
    {.name = "output_height", .kind = BT_INT, .i = 1},
    {.name = "output_width", .kind = BT_INT, .i = 1},
    {.name = "sampling_ratio", .kind = BT_INT},
    {.name = "spatial_scale", .kind = BT_FLOAT, .f = 1},
    {0}};

#define RATIO_MAX 1024

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[X], *rois = c->in[ROIS];
  const int64_t ratio = c->attr[SAMPLING_RATIO].i;
  BT_TRY(bt_need_type(c, X, BT_TYPES_FLOAT));
  BT_TRY(bt_need_same_type(c, X, ROIS));
  BT_TRY(bt_need_type(c, BATCH_INDICES, BT_BIT(BT_I64)));
  BT_TRY(bt_need_rank(c, X, 4));
  BT_TRY(bt_need_rank(c, ROIS, 2));
  const int64_t n = bt_has_rank(rois) ? rois->dims[0] : -1;
  BT_TRY(bt_need_vector(c, BATCH_INDICES, n, "the image of each region"));
  if (bt_has_rank(rois) && bt_clash(rois->dims[1], 4))
    return bt_fail(c, BT_BAD_INPUT, "regions have %" PRId64 " numbers; 4 are needed",
                   rois->dims[1]);
  if (c->attr[HEIGHT].i < 1 || c->attr[WIDTH].i < 1)
    return bt_fail(c, BT_BAD_INPUT,
                   "the output is %" PRId64 " x %" PRId64 "; both must be at least 1",
                   c->attr[HEIGHT].i, c->attr[WIDTH].i);
  if (ratio < 0 || ratio > RATIO_MAX)
    return bt_fail(c, BT_BAD_INPUT, "sampling_ratio is %" PRId64 "; 0 to %d are allowed", ratio,
                   RATIO_MAX);
  const int64_t dims[4] = {n, bt_has_rank(x) ? x->dims[1] : -1, c->attr[HEIGHT].i,
                           c->attr[WIDTH].i};
  bt_set_shape(c->out[0], x->dtype, 4, dims);
  return BT_OK;
}

/* One axis of a region: cell k has `samples` places from start + k * cell on. */
typedef struct side {
  double start, cell;
  int64_t samples, length; /* length of the image */
} side;

static int read_side(const bt_call* c, int64_t roi, int axis, side* s) {
  const double scale = (double)c->attr[SPATIAL_SCALE].f;
  const double offset = c->attr[COORDINATES].i == HALF_PIXEL ? 0.5 : 0.0;
  const double end = bt_get(c->in[ROIS], roi * 4 + 2 + axis) * scale - offset;
  s->start = bt_get(c->in[ROIS], roi * 4 + axis) * scale - offset;
  s->length = c->in[X]->dims[3 - axis];
  double size = end - s->start;
  if (c->attr[COORDINATES].i == OUTPUT_HALF_PIXEL && size < 1) size = 1;
  s->cell = size / (double)c->attr[axis ? HEIGHT : WIDTH].i;
  if (!(fabs(s->start) < 0x1p30 && fabs(end) < 0x1p30)) return 0; /* not with NaN */
  const int64_t ratio = c->attr[SAMPLING_RATIO].i;
  s->samples = ratio ? ratio : s->cell > 0 ? (int64_t)ceil(s->cell) : 0;
  return 1;
}

static double place_of(const side* s, int64_t cell, int64_t sample) {
  return s->start + (double)cell * s->cell +
         ((double)sample + 0.5) * s->cell / (double)s->samples;
}

/* Samples [*from, *to) of a cell are the ones that can lie within an element of the image, so that
   regions far larger than their image take no longer than the image does. */
static void visible(const side* s, int64_t cell, int64_t* from, int64_t* to) {
  const double step = s->cell / (double)s->samples, first = place_of(s, cell, 0);
  *from = 0;
  *to = s->samples;
  if (!(step > 0)) return;
  const double skip = floor((-1 - first) / step);
  const double end = ceil(((double)s->length - first) / step) + 1;
  if (skip > 0) *from = skip < (double)s->samples ? (int64_t)skip : s->samples;
  if (end < (double)*to) *to = end > 0 ? (int64_t)end : 0;
}

/* Two neighbours of a place and their weights; 0 outside of the image. */
typedef struct pair {
  int64_t at[2];
  double weight[2];
} pair;

static int find_pair(const side* s, double place, pair* p) {
  if (!(place >= -1 && place <= (double)s->length)) return 0;
  const double inside = place > 0 ? place : 0;
  const int64_t low = (int64_t)inside;
  const int at_end = low >= s->length - 1;
  p->at[0] = at_end ? s->length - 1 : low;
  p->at[1] = at_end ? s->length - 1 : low + 1;
  p->weight[1] = at_end ? 0 : inside - (double)low;
  p->weight[0] = 1 - p->weight[1];
  return 1;
}

typedef struct sampler {
  const bt_call* c;
  int64_t channel; /* first element */
  double sum, most;
  int64_t outside; /* places that counted as 0 */
} sampler;

static void sample(sampler* s, const pair* y, const pair* x, int64_t width) {
  for (int i = 0; i < 2; ++i)
    for (int k = 0; k < 2; ++k) {
      const double v = y->weight[i] * x->weight[k] *
                       bt_get(s->c->in[X], s->channel + y->at[i] * width + x->at[k]);
      s->sum += v;
      s->most = v > s->most ? v : s->most;
    }
}

static double pool_cell(const bt_call* c, const side s[2], int64_t channel, int64_t row,
                        int64_t col) {
  sampler to = {.c = c, .channel = channel, .most = -INFINITY};
  const int64_t count = s[0].samples * s[1].samples;
  int64_t y0, y1, x0, x1, seen = 0;
  if (count == 0) return 0;
  visible(&s[1], row, &y0, &y1);
  visible(&s[0], col, &x0, &x1);
  for (int64_t i = y0; i < y1; ++i) {
    pair y, x;
    if (!find_pair(&s[1], place_of(&s[1], row, i), &y)) continue;
    for (int64_t k = x0; k < x1; ++k) {
      if (!find_pair(&s[0], place_of(&s[0], col, k), &x)) continue;
      sample(&to, &y, &x, s[0].length);
      ++seen;
    }
  }
  if (c->attr[MODE].i == AVG) return to.sum / (double)count;
  return seen < count && !(to.most > 0) ? 0 : to.most;
}

static bt_status check(bt_call* c, int64_t roi) {
  const int64_t image = bt_get_int(c->in[BATCH_INDICES], roi), images = c->in[X]->dims[0];
  side s;
  if (image < 0 || image >= images)
    return bt_fail(c, BT_BAD_INPUT,
                   "region %" PRId64 " is one of image %" PRId64 "; there are %" PRId64,
                   roi, image, images);
  for (int axis = 0; axis < 2; ++axis)
    if (!read_side(c, roi, axis, &s))
      return bt_fail(c, BT_BAD_INPUT, "region %" PRId64 " is out of all bounds", roi);
  return BT_OK;
}

/* Parts are channels of regions. */
static void run_part(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_call* c = arg;
  const bt_tensor* x = c->in[X];
  bt_tensor y = *c->out[0];
  const int64_t channels = x->dims[1], size = x->dims[2] * x->dims[3];
  (void)thread;
  for (int64_t p = begin; p < end; ++p) {
    const int64_t roi = p / channels, image = bt_get_int(c->in[BATCH_INDICES], roi);
    const int64_t channel = (image * channels + p % channels) * size;
    side s[2];
    read_side(c, roi, 0, &s[0]);
    read_side(c, roi, 1, &s[1]);
    for (int64_t k = 0; k < y.dims[2] * y.dims[3]; ++k)
      bt_put(&y, p * y.dims[2] * y.dims[3] + k,
             pool_cell(c, s, channel, k / y.dims[3], k % y.dims[3]));
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[X], *y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  if (x->dims[2] == 0 || x->dims[3] == 0)
    return bt_fail(c, BT_BAD_INPUT, "there is nothing to sample from: the images are empty");
  for (int64_t r = 0; r < y->dims[0]; ++r) BT_TRY(check(c, r));
  bt_parallel(c, y->dims[0] * y->dims[1], 1, run_part, c);
  return BT_OK;
}

const bt_op bt_op_roi_align = {
    .name = "RoiAlign", .summary = "Regions of images, pooled to one size.", .attrs = attrs,
    .in_min = 3, .in_max = 3, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
