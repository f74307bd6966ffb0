/* SPDX-License-Identifier: Apache-2.0
   GridSample: y[n, c, o...] is X[n, c, ...] at the place grid[n, o..., :], for images of one to
   three dimensions. A place is (x, y, z), the last dimension of X first, from -1 to 1 over the
   image: from the centre of the first element to that of the last (align_corners), or from edge
   to edge. Beyond the image lies 0, its border, or its reflection. */
#include <inttypes.h>
#include <math.h>

#include "ops/shared/window.h"
#include "runtime/shape.h"

enum { X, GRID };
enum { ALIGN_CORNERS, MODE, PADDING_MODE };
enum { LINEAR, NEAREST, CUBIC };
enum { ZEROS, BORDER, REFLECTION };
static const bt_attr_spec attrs[] = {
    {.name = "align_corners", .kind = BT_INT},
    {.name = "mode", .kind = BT_ENUM, .words = "linear|nearest|cubic"},
    {.name = "padding_mode", .kind = BT_ENUM, .words = "zeros|border|reflection"},
    {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor *x = c->in[X], *grid = c->in[GRID];
  BT_TRY(bt_need_type(c, X, BT_TYPES_FLOAT));
  BT_TRY(bt_need_type(c, GRID, BT_TYPES_FLOAT));
  if (!bt_has_rank(x)) return BT_OK;
  BT_TRY(bt_need_rank_between(c, X, 3, BT_SPATIAL_MAX + 2));
  BT_TRY(bt_need_rank(c, GRID, x->rank));
  int64_t dims[BT_MAX_RANK] = {x->dims[0], x->dims[1], -1, -1, -1};
  if (bt_has_rank(grid)) {
    if (bt_clash(grid->dims[x->rank - 1], x->rank - 2) || bt_clash(grid->dims[0], x->dims[0])) {
      char p[BT_SHAPE_TEXT], q[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT,
                     "a grid of shape %s does not fit an input of shape %s: the batch must be the "
                     "same, and the last axis must hold %d coordinates",
                     bt_shape_text(grid, p), bt_shape_text(x, q), x->rank - 2);
    }
    for (int d = 1; d < x->rank - 1; ++d) dims[d + 1] = grid->dims[d];
  }
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  for (int d = 2; d < x->rank; ++d)
    if (x->dims[d] == 0 && dims[d] != 0)
      return bt_fail(c, BT_BAD_INPUT,
                     "there is nothing to sample from: axis %d of the input is empty", d);
  return BT_OK;
}

/* ---- places ---- */

#define TAPS_MAX 64 /* 4 in each of 3 dimensions */

/* The elements of a channel that a place reads, and what they count. */
typedef struct taps {
  int n;
  int64_t at[TAPS_MAX];
  double weight[TAPS_MAX];
} taps;

static double reflect(double v, double low, double high) {
  const double range = high - low;
  if (!(range > 0) || !isfinite(v)) return low;
  const double beyond = v < low ? low - v : v - high;
  if (beyond <= 0) return v;
  const double turns = floor(beyond / range), rest = beyond - turns * range;
  const int back = fmod(turns, 2.0) != 0; /* even: it comes back from where it left */
  return (v < low) != back ? low + rest : high - rest;
}

/* An element index inside the image, or -1. */
static int64_t element_at(const bt_call* c, double i, int64_t length) {
  const double last = (double)(length - 1);
  if (i >= 0 && i <= last) return (int64_t)i;
  if (c->attr[PADDING_MODE].i == ZEROS || i != i) return -1;
  if (c->attr[PADDING_MODE].i == BORDER) return i < 0 ? 0 : length - 1;
  const int align = c->attr[ALIGN_CORNERS].i != 0;
  const double inside = reflect(i, align ? 0 : -0.5, align ? last : last + 0.5);
  return inside > 0 ? (inside < last ? (int64_t)inside : length - 1) : 0;
}

/* The place along one axis, in elements. What is not a number lies beyond every image. */
static double place_of(const bt_call* c, double v, int64_t length) {
  const double n = (double)length, last = n - 1;
  const int align = c->attr[ALIGN_CORNERS].i != 0;
  double at = align ? (v + 1) / 2 * last : ((v + 1) * n - 1) / 2;
  if (c->attr[MODE].i == NEAREST) at = nearbyint(at);
  const double low = align ? 0 : -0.5, high = align ? last : n - 0.5;
  if (at >= low && at <= high) return at;
  if (c->attr[PADDING_MODE].i == BORDER) return at > 0 ? (at < last ? at : last) : 0;
  if (c->attr[PADDING_MODE].i == REFLECTION) return reflect(at, low, high);
  return at > -4 ? (at < n + 4 ? at : n + 4) : -4; /* no index can overflow */
}

static double cubic(double d) { /* Keys 1981 */
  const double a = -0.75;
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
}

/* Weights along one axis of the elements from *first on; returns their number. */
static int weigh(const bt_call* c, double at, double* first, double weight[4]) {
  const double base = floor(at), ratio = at - base;
  *first = base;
  weight[0] = 1 - ratio;
  weight[1] = ratio;
  if (c->attr[MODE].i == LINEAR) return 2;
  if (c->attr[MODE].i == NEAREST) {
    *first = at;
    weight[0] = 1;
    return 1;
  }
  *first = base - 1;
  for (int i = 0; i < 4; ++i) weight[i] = cubic(fabs((double)(i - 1) - ratio));
  return 4;
}

/* All combinations of the axes. `grid` points to one place of r coordinates. */
static void find_taps(const bt_call* c, int64_t place, int r, taps* t) {
  const bt_tensor *x = c->in[X], *grid = c->in[GRID];
  t->n = 1;
  t->at[0] = 0;
  t->weight[0] = 1;
  for (int d = 0; d < r; ++d) {
    const int64_t length = x->dims[2 + d];
    double first = 0, weight[4];
    const double at = place_of(c, bt_get(grid, place * r + (r - 1 - d)), length);
    const int n = weigh(c, at, &first, weight), before = t->n;
    taps all;
    all.n = 0;
    for (int k = 0; k < before; ++k)
      for (int i = 0; i < n; ++i) {
        const int64_t e = element_at(c, first + (double)i, length);
        if (e < 0) continue;
        all.at[all.n] = t->at[k] * length + e;
        all.weight[all.n++] = t->weight[k] * weight[i];
      }
    for (int k = 0; k < all.n; ++k) {
      t->at[k] = all.at[k];
      t->weight[k] = all.weight[k];
    }
    t->n = all.n;
  }
}

/* ---- all ---- */

/* Parts are places over the whole batch; each serves all channels. */
static void run_places(void* arg, int64_t begin, int64_t end, int thread) {
  const bt_call* c = arg;
  const bt_tensor* x = c->in[X];
  bt_tensor y = *c->out[0];
  const int r = x->rank - 2;
  const int64_t channels = x->dims[1], size = bt_extent(x, 2, x->rank);
  const int64_t places = bt_extent(&y, 2, y.rank);
  (void)thread;
  for (int64_t p = begin; p < end; ++p) {
    const int64_t image = p / places, k = p % places;
    taps t;
    find_taps(c, p, r, &t);
    for (int64_t ch = 0; ch < channels; ++ch) {
      const int64_t from = (image * channels + ch) * size;
      double sum = 0;
      for (int i = 0; i < t.n; ++i) sum += t.weight[i] * bt_get(x, from + t.at[i]);
      bt_put(&y, (image * channels + ch) * places + k, sum);
    }
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor* y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  bt_parallel(c, y->dims[0] * bt_extent(y, 2, y->rank), 64, run_places, c);
  return BT_OK;
}

const bt_op bt_op_grid_sample = {
    .name = "GridSample", .summary = "An image sampled at the places of a grid.", .attrs = attrs,
    .in_min = 2, .in_max = 2, .out_min = 1, .out_max = 1, .flags = BT_OP_EXTRA,
    .infer = infer, .run = run};
