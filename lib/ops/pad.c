/* SPDX-License-Identifier: Apache-2.0
   Pad: further entries at both ends of axes; negative numbers take entries away. Inputs: data, pads
   (all begins, then all ends), the value (default 0), axes (default: all). What is added:
     constant  the value; in quantized tensors its stored form, which for 0 is the zero point
     reflect   the entries seen in a mirror that stands on the outermost one
     edge      the outermost entry
     wrap      the entries from the other end */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/elementwise.h"
#include "ops/shared/index.h"
#include "ops/shared/move.h"
#include "ops/shared/requant.h"

enum { DATA, PADS, VALUE, AXES };
enum { MODE };
typedef enum mode { CONSTANT, REFLECT, EDGE, WRAP } mode;
static const bt_attr_spec attrs[] = {
    {.name = "mode", .kind = BT_ENUM, .words = "constant|reflect|edge|wrap"}, {0}};

/* One axis: entries [from, from + kept) of x lie at [begin, begin + kept) of the `length` of y. */
typedef struct side {
  int64_t from, kept, begin, length;
} side;

static bt_status read_side(bt_call* c, int axis, int64_t begin, int64_t end, side* s) {
  const int64_t n = c->in[DATA]->dims[axis];
  const int64_t cut_begin = begin < 0 ? begin : 0, cut_end = end < 0 ? end : 0;
  if (cut_begin < -n || cut_end < -n || -cut_begin - cut_end > n)
    return bt_fail(c, BT_BAD_INPUT,
                   "pads take %" PRId64 " and %" PRId64 " entries from axis %d, which has %" PRId64,
                   begin, end, axis, n);
  s->from = -cut_begin;
  s->kept = n + cut_begin + cut_end;
  s->begin = begin - cut_begin;
  s->length = bt_dim_add(bt_dim_add(s->kept, s->begin), end - cut_end);
  /* (a single entry is its own mirror image, however often) */
  if (c->attr[MODE].i == REFLECT && n > 1 && (begin >= n || end >= n))
    return bt_fail(c, BT_BAD_INPUT,
                   "pads are %" PRId64 " and %" PRId64 " along axis %d of length %" PRId64
                   "; a mirror shows less than that",
                   begin, end, axis, n);
  if (s->kept == 0 && s->length > 0 && c->attr[MODE].i != CONSTANT)
    return bt_fail(c, BT_BAD_INPUT,
                   "axis %d has no entries to repeat; only the mode constant can pad it", axis);
  return BT_OK;
}

/* Sides of all axes; a length of -1 is not known. */
static bt_status read_sides(bt_call* c, side sides[BT_MAX_RANK]) {
  const bt_tensor *x = c->in[DATA], *pads = c->in[PADS];
  int axes[BT_MAX_RANK], n = 0;
  BT_TRY(bt_read_axes(c, AXES, x->rank, axes, &n));
  for (int d = 0; d < x->rank; ++d)
    sides[d] = (side){.kept = x->dims[d], .length = n < 0 ? -1 : x->dims[d]};
  if (n >= 0 && pads->rank == 1 && bt_clash(pads->dims[0], 2 * n))
    return bt_fail(c, BT_BAD_INPUT,
                   "pads has %" PRId64 " numbers; two for each of %d axes are needed",
                   pads->dims[0], n);
  for (int i = 0; i < n; ++i) {
    int64_t begin, end;
    const int axis = axes[i];
    sides[axis].length = -1;
    if (!bt_number_at(c, PADS, i, &begin) || !bt_number_at(c, PADS, n + i, &end)) continue;
    if (begin == 0 && end == 0) sides[axis].length = x->dims[axis];
    else if (bt_known(x->dims[axis])) BT_TRY(read_side(c, axis, begin, end, &sides[axis]));
  }
  return BT_OK;
}

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[DATA];
  BT_TRY(bt_need_type(c, DATA, BT_TYPES_ANY));
  BT_TRY(bt_need_type(c, PADS, BT_BIT(BT_I64)));
  BT_TRY(bt_need_vector(c, PADS, -1, "pads"));
  BT_TRY(bt_need_one_element(c, VALUE, "the value"));
  const int stored = x->dtype == BT_I8 || bt_is_q16(x);
  if (!(bt_given(c, VALUE) && stored && c->in[VALUE]->dtype == BT_F32)) /* quantized */
    BT_TRY(bt_need_same_type(c, DATA, VALUE));
  if (!bt_has_rank(x)) return BT_OK;
  side sides[BT_MAX_RANK];
  BT_TRY(read_sides(c, sides));
  int64_t dims[BT_MAX_RANK];
  for (int d = 0; d < x->rank; ++d) dims[d] = sides[d].length;
  bt_set_shape(c->out[0], x->dtype, x->rank, dims);
  return BT_OK;
}

/* ---- running ---- */

typedef struct job {
  const bt_tensor* x;
  unsigned char* y;
  mode mode;
  int axis;      /* the last one that changes; entries of it are blocks */
  int64_t block; /* bytes */
  side sides[BT_MAX_RANK];
  int64_t strides[BT_MAX_RANK]; /* of x */
  unsigned char value[8];
} job;

/* Entry of x, counted from `from`, that position i before or behind the kept ones shows. */
static int64_t source(mode m, int64_t i, int64_t kept) {
  if (i >= 0 && i < kept) return i;
  if (m == EDGE || kept == 1) return i < 0 ? 0 : kept - 1;
  const int64_t period = m == WRAP ? kept : 2 * (kept - 1);
  i %= period;
  if (i < 0) i += period;
  return i < kept ? i : period - i;
}

static void fill(const job* j, unsigned char* y, int64_t blocks) {
  const size_t size = bt_dtype_size(j->x->dtype);
  bt_fill(y, j->value, blocks * j->block / (int64_t)size, size);
}

/* Entries [begin, end) of a row of y, all outside of the kept ones. */
static void border(const job* j, const unsigned char* x, unsigned char* y, int64_t begin,
                   int64_t end) {
  const side* s = &j->sides[j->axis];
  if (j->mode == CONSTANT) {
    fill(j, y + begin * j->block, end - begin);
    return;
  }
  for (int64_t i = begin; i < end; ++i)
    memcpy(y + i * j->block, x + source(j->mode, i - s->begin, s->kept) * j->block,
           (size_t)j->block);
}

/* Rows of y: the positions of the axes before `axis`. */
static void rows(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const side* last = &j->sides[j->axis];
  (void)thread;
  for (int64_t row = begin; row < end; ++row) {
    unsigned char* y = j->y + row * last->length * j->block;
    int64_t from = last->from * j->strides[j->axis], rest = row;
    int outside = 0;
    for (int d = j->axis - 1; d >= 0; --d) {
      const side* s = &j->sides[d];
      const int64_t i = rest % s->length - s->begin;
      rest /= s->length;
      if (j->mode == CONSTANT && (i < 0 || i >= s->kept)) outside = 1;
      else from += (s->from + source(j->mode, i, s->kept)) * j->strides[d];
    }
    if (outside) {
      fill(j, y, last->length);
      continue;
    }
    const unsigned char* x = bt_element(j->x, from);
    border(j, x, y, 0, last->begin);
    if (last->kept) memcpy(y + last->begin * j->block, x, (size_t)(last->kept * j->block));
    border(j, x, y, last->begin + last->kept, last->length);
  }
}

/* The value as it is stored. */
static void read_value(bt_call* c, unsigned char value[8]) {
  bt_tensor one = {.dtype = c->in[DATA]->dtype, .data = value};
  const bt_tensor* x = c->in[DATA];
  memset(value, 0, 8);
  const bt_kernels* k = bt_call_kernels(c);
  const int real_given = bt_given(c, VALUE) && c->in[VALUE]->dtype == BT_F32;
  const float real = real_given ? *(const float*)c->in[VALUE]->data : 0;
  if (bt_is_q8(x))
    k->quantize(&real, (int8_t*)value, 1, 1.0f / x->quant->scale[0], bt_zero_of(x->quant));
  if (bt_is_q16(x)) {
    int16_t stored;
    k->quantize_s16(&real, &stored, 1, 1.0f / x->quant->scale[0], bt_zero_of(x->quant));
    memcpy(value, &stored, sizeof stored);
  }
  if (bt_given(c, VALUE) && c->in[VALUE]->dtype == one.dtype)
    memcpy(value, c->in[VALUE]->data, bt_dtype_size(one.dtype));
}

static bt_status prepare(bt_call* c) {
  if (bt_is_q8(c->in[DATA])) return bt_need_q8(c, DATA, DATA + 1);
  if (bt_is_q16(c->in[DATA])) return bt_need_scales(c, c->in[DATA], "input 0");
  return bt_need_same_type(c, DATA, VALUE);
}

static bt_status run(bt_call* c) {
  const bt_tensor *x = c->in[DATA], *y = c->out[0];
  if (bt_count(y) == 0) return BT_OK;
  job j = {.x = x, .y = y->data, .mode = (mode)c->attr[MODE].i, .axis = x->rank - 1};
  BT_TRY(read_sides(c, j.sides));
  read_value(c, j.value);
  const int64_t size = (int64_t)bt_dtype_size(x->dtype);
  if (x->rank == 0) {
    memcpy(y->data, x->data, (size_t)size);
    return BT_OK;
  }
  while (j.axis > 0 && j.sides[j.axis].kept == j.sides[j.axis].length && j.sides[j.axis].from == 0)
    --j.axis;
  j.block = size * bt_extent(x, j.axis + 1, x->rank);
  bt_strides(x, j.strides);
  bt_parallel(c, bt_extent(y, 0, j.axis), 1 + 16384 / (j.block * j.sides[j.axis].length), rows, &j);
  return BT_OK;
}

const bt_op bt_op_pad = {
    .name = "Pad", .summary = "Further entries at the ends of axes.", .attrs = attrs, .in_min = 2,
    .in_max = 4, .out_min = 1, .out_max = 1, .layout = BT_LAYOUT_PADS, .quant = BT_QUANT_SAME,
    .infer = infer, .prepare = prepare, .run = run};
