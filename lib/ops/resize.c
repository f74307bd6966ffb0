/* SPDX-License-Identifier: Apache-2.0
   Resize: a tensor resampled along all axes or those of `axes`. Inputs: X, roi (only for
   tf_crop_and_resize), and either scales (f32) or sizes (i64), one number for each axis.

   Along an axis of scale s the output has floor(length * s) elements. Where it has `sizes`,
   s = size / length; keep_aspect_ratio_policy makes the smallest (not_larger) or the largest
   (not_smaller) of these ratios the scale of all axes, and lengths are rounded, halves up.
   Quantized values are interpolated as they are stored, and rounded to the nearest; plain integers
   are truncated as Cast does. Axes are named by position, so both layouts of images are served. */
#include <inttypes.h>
#include <math.h>

#include "ops/shared/requant.h"
#include "ops/shared/resample.h"
#include "ops/shared/window.h"
#include "runtime/shape.h"

enum { X, ROI, SCALES, SIZES };
enum {
  ANTIALIAS, AXES, COORDINATES, CUBIC_COEFF_A, EXCLUDE_OUTSIDE, EXTRAPOLATION, POLICY, LAYOUT, MODE,
  NEAREST_MODE
};
static const bt_attr_spec attrs[] = {
    {.name = "antialias", .kind = BT_INT},
    {.name = "axes", .kind = BT_INTS},
    {.name = "coordinate_transformation_mode", .kind = BT_ENUM, .words = BT_COORDINATES_WORDS},
    {.name = "cubic_coeff_a", .kind = BT_FLOAT, .f = -0.75f},
    {.name = "exclude_outside", .kind = BT_INT},
    {.name = "extrapolation_value", .kind = BT_FLOAT},
    {.name = "keep_aspect_ratio_policy", .kind = BT_ENUM,
     .words = "stretch|not_larger|not_smaller"},
    {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},
    {.name = "mode", .kind = BT_ENUM, .words = BT_RESAMPLE_WORDS},
    {.name = "nearest_mode", .kind = BT_ENUM, .words = BT_ROUND_TO_WORDS},
    {0}};
enum { STRETCH, NOT_LARGER, NOT_SMALLER };

/* The axes that scales, sizes and roi speak of, in their order. */
typedef struct axis_list {
  int n;
  int axis[BT_MAX_RANK];
} axis_list;

static bt_status read_axes(bt_call* c, axis_list* list) {
  const bt_attr* given = &c->attr[AXES];
  const int rank = c->in[X]->rank;
  int marked[BT_MAX_RANK];
  list->n = given->n ? (int)given->n : rank;
  BT_TRY(bt_need_axes(c, given->u.ints, given->n, rank, marked));
  for (int i = 0; i < list->n; ++i) {
    list->axis[i] = i;
    if (given->n) BT_TRY(bt_need_axis(c, given->u.ints[i], rank, "axes", &list->axis[i]));
  }
  return BT_OK;
}

/* Which input says the new lengths; an empty one counts as missing. -1: not known yet. */
static bt_status find_lengths(bt_call* c, int* input) {
  int present[2] = {0, 0};
  *input = -1;
  for (int k = 0; k < 2; ++k) {
    const int i = SCALES + k;
    if (!bt_given(c, i)) continue;
    if (!bt_has_shape(c->in[i])) return BT_OK;
    present[k] = bt_count(c->in[i]) > 0;
  }
  if (present[0] == present[1])
    return bt_fail(c, BT_BAD_INPUT, "%s are given; exactly one of scales and sizes is needed",
                   present[0] ? "both scales and sizes" : "neither scales nor sizes");
  *input = present[0] ? SCALES : SIZES;
  return BT_OK;
}

static bt_status set_by_scale(bt_call* c, int k, bt_resample_axis* a) {
  a->scale = (float)bt_get(c->in[SCALES], k);
  if (!(a->scale > 0.0f) || !isfinite(a->scale))
    return bt_fail(c, BT_BAD_INPUT, "scale %d is %g; a number above 0 is needed", k,
                   (double)a->scale);
  if (!bt_known(a->in)) {
    a->out = a->scale == 1.0f ? a->in : -1;
    return BT_OK;
  }
  a->resized = (float)a->in * a->scale;
  if (a->resized >= 0x1p62f)
    return bt_fail(c, BT_BAD_INPUT, "a length of %" PRId64 " times %g cannot be counted", a->in,
                   (double)a->scale);
  a->out = (int64_t)a->resized;
  return BT_OK;
}

static bt_status set_by_size(bt_call* c, int k, bt_resample_axis* a) {
  BT_TRY(bt_value_dim(c, SIZES, k, "sizes", &a->out));
  if (a->in == 0 && a->out > 0)
    return bt_fail(c, BT_BAD_INPUT, "a length of 0 cannot be resized to %" PRId64, a->out);
  a->resized = (float)a->out;
  a->scale = a->in > 0 ? a->resized / (float)a->in : 1.0f;
  return BT_OK;
}

/* One scale for all axes of the list. Where a length is unknown, none is known. */
static bt_status keep_aspect(bt_call* c, const axis_list* list, bt_resample_axis* axes) {
  float scale = axes[list->axis[0]].scale;
  int known = 1;
  for (int i = 0; i < list->n; ++i) {
    const bt_resample_axis* a = &axes[list->axis[i]];
    known = known && bt_known(a->in) && bt_known(a->out);
    scale = c->attr[POLICY].i == NOT_LARGER ? fminf(scale, a->scale) : fmaxf(scale, a->scale);
  }
  for (int i = 0; i < list->n; ++i) {
    bt_resample_axis* a = &axes[list->axis[i]];
    a->out = -1;
    if (!known) continue;
    a->scale = scale;
    a->resized = scale * (float)a->in;
    if (a->resized >= 0x1p62f)
      return bt_fail(c, BT_BAD_INPUT, "a length of %" PRId64 " times %g cannot be counted", a->in,
                     (double)scale);
    a->out = (int64_t)(a->resized + 0.5f);
  }
  return BT_OK;
}

/* All axes of X; out is -1 (or a symbol) where it is not known. */
static bt_status read_lengths(bt_call* c, const axis_list* list, bt_resample_axis* axes) {
  const bt_tensor* x = c->in[X];
  int input = -1;
  for (int d = 0; d < x->rank; ++d)
    axes[d] = (bt_resample_axis){.in = x->dims[d], .out = x->dims[d], .scale = 1, .end = 1};
  BT_TRY(find_lengths(c, &input));
  if (input >= 0)
    BT_TRY(bt_need_vector(c, input, list->n, input == SIZES ? "sizes" : "scales"));
  for (int i = 0; i < list->n; ++i) {
    bt_resample_axis* a = &axes[list->axis[i]];
    a->out = -1;
    if (input == SCALES && bt_has_values(c, SCALES)) BT_TRY(set_by_scale(c, i, a));
    if (input == SIZES && bt_has_partial(c, SIZES)) BT_TRY(set_by_size(c, i, a));
  }
  if (input == SIZES && c->attr[POLICY].i != STRETCH && list->n > 0)
    BT_TRY(keep_aspect(c, list, axes));
  for (int i = 0; i < list->n; ++i) {
    bt_resample_axis* a = &axes[list->axis[i]];
    a->moves = a->in != a->out || a->scale != 1.0f || c->attr[COORDINATES].i == BT_CROP_AND_RESIZE;
  }
  return BT_OK;
}

static bt_status check_types(bt_call* c) {
  const int nearest = c->attr[MODE].i == BT_NEAREST;
  BT_TRY(bt_need_type(c, X, nearest ? BT_TYPES_ANY : BT_TYPES_NUMBER));
  BT_TRY(bt_need_type(c, ROI, BT_TYPES_FLOAT));
  BT_TRY(bt_need_type(c, SCALES, BT_BIT(BT_F32)));
  BT_TRY(bt_need_type(c, SIZES, BT_BIT(BT_I64)));
  if (nearest && c->attr[ANTIALIAS].i)
    return bt_fail(c, BT_BAD_INPUT, "antialias needs the mode linear or cubic, not nearest");
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[X];
  axis_list list;
  bt_resample_axis axes[BT_MAX_RANK];
  int64_t dims[BT_MAX_RANK];
  BT_TRY(check_types(c));
  if (!bt_has_rank(x)) return BT_OK;
  BT_TRY(read_axes(c, &list));
  if (c->attr[COORDINATES].i == BT_CROP_AND_RESIZE) {
    if (!bt_given(c, ROI)) return bt_fail(c, BT_BAD_INPUT, "tf_crop_and_resize needs a roi");
    BT_TRY(bt_need_vector(c, ROI, 2 * list.n, "roi"));
  }
  BT_TRY(read_lengths(c, &list, axes));
  for (int d = 0; d < x->rank; ++d) dims[d] = axes[d].out;
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

static bt_status plan(bt_call* c, bt_resample* r) {
  const bt_attr* at = c->attr;
  bt_resample_axis axes[BT_MAX_RANK];
  axis_list list;
  BT_TRY(read_axes(c, &list));
  BT_TRY(read_lengths(c, &list, axes));
  *r = (bt_resample){.inner = 1,
                     .rule = {.mode = (bt_resample_mode)at[MODE].i,
                              .coordinates = (bt_coordinates)at[COORDINATES].i,
                              .round = (bt_round_to)at[NEAREST_MODE].i,
                              .antialias = at[ANTIALIAS].i != 0,
                              .exclude_outside = at[EXCLUDE_OUTSIDE].i != 0,
                              .cubic_a = (double)at[CUBIC_COEFF_A].f,
                              .outside = at[EXTRAPOLATION].f}};
  for (int i = 0; i < list.n && bt_given(c, ROI) && c->in[ROI]->data; ++i) {
    if (r->rule.coordinates != BT_CROP_AND_RESIZE) break;
    axes[list.axis[i]].begin = (float)bt_get(c->in[ROI], i);
    axes[list.axis[i]].end = (float)bt_get(c->in[ROI], list.n + i);
  }
  for (int d = 0; d < c->in[X]->rank; ++d) bt_resample_add(r, &axes[d]);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  const bt_tensor *x = c->in[X], *y = c->out[0];
  if (bt_is_q8(x)) {
    BT_TRY(bt_need_q8(c, X, 1));
    if (x->quant->scale[0] != y->quant->scale[0] || bt_zero_of(x->quant) != bt_zero_of(y->quant))
      return bt_fail(c, BT_BAD_INPUT, "the output must be stored with the scale of the input");
  }
  if (bt_count(y) == 0) return BT_OK;
  bt_resample* r = bt_keep_plan(c, sizeof *r);
  if (!r) return bt_fail_memory(c);
  BT_TRY(plan(c, r));
  const int64_t bytes = bt_resample_bytes(c, r, x->dtype);
  if (bytes > INT64_MAX / 4) return bt_fail_memory(c);
  c->scratch_bytes = (size_t)bytes;
  c->plan = r;
  return BT_OK;
}

static bt_status run(bt_call* c) {
  bt_resample* r = c->plan;
  if (bt_count(c->out[0]) == 0) return BT_OK;
  if (r->rule.coordinates == BT_CROP_AND_RESIZE) BT_TRY(plan(c, r)); /* the region is known now */
  bt_resample_run(c, r, c->in[X], c->out[0], c->scratch);
  return BT_OK;
}

const bt_op bt_op_resize = {
    .name = "Resize", .summary = "A tensor resampled to other lengths.", .attrs = attrs,
    .in_min = 1, .in_max = 4, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_SAME,
    .infer = infer, .prepare = prepare, .run = run};
