/* SPDX-License-Identifier: Apache-2.0
   Slice: x[start : end : step] along some axes. Inputs: data, starts, ends, axes (default: the
   first ones), steps (default 1). Bounds count from the back where they are negative, and are
   clamped to the axis; a negative step goes backwards. */
#include <inttypes.h>

#include "ops/shared/index.h"
#include "ops/shared/move.h"

enum { DATA, STARTS, ENDS, AXES, STEPS };

/* One axis of the box that is read. */
typedef struct range {
  int64_t start, step, count; /* count < 0: not known, or a symbol */
} range;

/* A bound as it stands in the model, on an axis of length n: what lies outside is clamped. */
static int64_t clamp_bound(int64_t v, int64_t n, int64_t low, int64_t high) {
  if (v < 0) v = v < -n ? low : v + n;
  return v < low ? low : v > high ? high : v;
}

/* The range of entry k on an axis of length n. */
static bt_status read_range(bt_call* c, int64_t k, int64_t n, range* r) {
  int64_t start, end;
  *r = (range){.step = 1, .count = -1};
  const int has_step = !bt_given(c, STEPS) || bt_number_at(c, STEPS, k, &r->step);
  if (has_step && r->step == 0)
    return bt_fail(c, BT_BAD_INPUT, "the step of entry %" PRId64 " is 0", k);
  if (!bt_number_at(c, STARTS, k, &start) || !bt_number_at(c, ENDS, k, &end) || !has_step)
    return BT_OK;
  if (!bt_known(n)) { /* the whole of an unknown axis is as long as the axis */
    if (start == 0 && end >= INT32_MAX && r->step == 1) r->count = n;
    return BT_OK;
  }
  const int back = r->step < 0;
  r->start = clamp_bound(start, n, 0, back ? n - 1 : n);
  end = clamp_bound(end, n, back ? -1 : 0, n);
  const int64_t way = back ? r->start - end : end - r->start;
  /* -(step + 1) + 1 as an unsigned number, so that INT64_MIN has a size too */
  const uint64_t size = back ? (uint64_t)(-(r->step + 1)) + 1 : (uint64_t)r->step;
  r->count = way > 0 ? (int64_t)(((uint64_t)way - 1) / size) + 1 : 0;
  return BT_OK;
}

/* Ranges of all axes. `dims` is set as far as known; *ready says that everything is. */
static bt_status read_ranges(bt_call* c, range ranges[BT_MAX_RANK]) {
  const bt_tensor* x = c->in[DATA];
  const int64_t n = c->in[STARTS]->dims[0];
  int axes[BT_MAX_RANK], n_axes = 0;
  BT_TRY(bt_read_axes(c, AXES, x->rank, axes, &n_axes));
  for (int d = 0; d < x->rank; ++d)
    ranges[d] = (range){.step = 1, .count = n_axes < 0 ? -1 : x->dims[d]};
  if (n > x->rank)
    return bt_fail(c, BT_BAD_INPUT, "starts has %" PRId64 " entries; the input has rank %d", n,
                   x->rank);
  for (int64_t k = 0; k < n && n_axes >= 0; ++k)
    BT_TRY(read_range(c, k, x->dims[axes[k]], &ranges[axes[k]]));
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  static const char* const names[] = {"data", "starts", "ends", "axes", "steps"};
  const bt_tensor* x = c->in[DATA];
  int64_t n = -1;
  BT_TRY(bt_need_type(c, DATA, BT_TYPES_ANY));
  for (int i = STARTS; i <= STEPS; ++i) {
    BT_TRY(bt_need_type(c, i, BT_TYPES_INDEX));
    BT_TRY(bt_need_vector(c, i, n, names[i]));
    if (bt_given(c, i) && c->in[i]->rank == 1) n = bt_agree(n, c->in[i]->dims[0]);
  }
  if (!bt_has_rank(x)) return BT_OK;
  range ranges[BT_MAX_RANK];
  if (c->in[STARTS]->rank == 1 && bt_known(c->in[STARTS]->dims[0])) {
    BT_TRY(read_ranges(c, ranges));
  } else {
    for (int d = 0; d < x->rank; ++d) ranges[d].count = -1;
  }
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < x->rank; ++d) dims[d] = ranges[d].count;
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[DATA], *y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  range ranges[BT_MAX_RANK];
  int64_t x_strides[BT_MAX_RANK], y_strides[BT_MAX_RANK], first = 0;
  BT_TRY(read_ranges(c, ranges));
  bt_strides(x, x_strides);
  bt_strides(y, y_strides);
  for (int d = 0; d < x->rank; ++d) {
    first += ranges[d].start * x_strides[d];
    x_strides[d] *=
        y->dims[d] == 1 ? 1 : ranges[d].step; /* a step that is never taken may be huge */
  }
  bt_move(c, y->rank, y->dims, bt_element(x, first), x_strides, y->data, y_strides,
          bt_dtype_size(y->dtype));
  return BT_OK;
}

const bt_op bt_op_slice = {
    .name = "Slice", .summary = "A part of a tensor, in steps along each axis.", .in_min = 3,
    .in_max = 5, .out_min = 1, .out_max = 1, .layout = BT_LAYOUT_PADS, .quant = BT_QUANT_SAME,
    .infer = infer, .run = run};
