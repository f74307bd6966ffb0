/* SPDX-License-Identifier: Apache-2.0
   Resampling: coordinates, weights, the nearest mode, and the plain way for rare types. */
#include "ops/shared/resample.h"

#include <math.h>
#include <string.h>

#include "runtime/shape.h"

/* ---- coordinates ---- */

/* The place in the input that output index k looks at. In floats, as other runtimes compute it:
   where it falls on the border between two elements the nearest mode depends on every bit. */
static float place_of(const bt_resample_axis* a, bt_coordinates mode, int64_t k) {
  const float x = (float)k, in = (float)a->in, out = a->resized;
  const float half = (x + 0.5f) / a->scale - 0.5f;
  switch (mode) {
    case BT_ASYMMETRIC: return x / a->scale;
    case BT_PYTORCH_HALF_PIXEL: return a->out > 1 ? half : 0.0f;
    case BT_TF_HALF_PIXEL_FOR_NN: return (x + 0.5f) / a->scale;
    case BT_ALIGN_CORNERS: return out == 1.0f ? 0.0f : x * (in - 1.0f) / (out - 1.0f);
    case BT_CROP_AND_RESIZE:
      if (out == 1.0f) return 0.5f * (a->begin + a->end) * (in - 1.0f);
      return a->begin * (in - 1.0f) + x * (a->end - a->begin) * (in - 1.0f) / (out - 1.0f);
    case BT_HALF_PIXEL_SYMMETRIC: return in / 2.0f * (1.0f - (float)a->out / out) + half;
    default: return half;
  }
}

static int64_t bounded(float place, int64_t in) {
  if (!(place > 0.0f)) return 0;
  return place < (float)in ? (int64_t)place : in - 1;
}

static int64_t nearest_of(float place, bt_round_to round, int64_t in) {
  const float whole = round == BT_PREFER_FLOOR  ? ceilf(place - 0.5f)
                      : round == BT_PREFER_CEIL ? floorf(place + 0.5f)
                      : round == BT_FLOOR       ? floorf(place)
                                                : ceilf(place);
  const int64_t i = bounded(whole, in);
  return i < in ? i : in - 1; /* a float may round the length up */
}

/* ---- weights ---- */

/* What an element at distance d counts. */
static double tent(double d) { return d < 1 ? 1 - d : 0; }
static double cubic(double d, double a) { /* Keys 1981 */
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
}

/* Less than 1 where elements are drawn together, and a wider part of the input must count. */
static double narrowing(const bt_resample_rule* r, const bt_resample_axis* a) {
  return r->antialias && a->scale < 1.0f ? (double)a->scale : 1.0;
}

/* Elements before the place that count, the one at or before it among them. */
static int64_t reach(const bt_resample_rule* r, const bt_resample_axis* a) {
  return (int64_t)-floor(-(r->mode == BT_CUBIC ? 2.0 : 1.0) / narrowing(r, a));
}

static int64_t clamp_index(int64_t i, int64_t in) { return i < 0 ? 0 : i < in ? i : in - 1; }

/* Elements beyond the ends are the ones at the ends, so their weights add up. */
static void weigh(const bt_resample_rule* r, const bt_resample_axis* a, float place, int64_t* first,
                  double* weight) {
  const double width = narrowing(r, a);
  const int64_t span = reach(r, a);
  const float last = (float)(a->in + span);
  const float near = place < -last ? -last : place < last ? place : last;
  const int64_t base = (int64_t)floorf(near);
  const double ratio = (double)(near - floorf(near));
  const int64_t lowest = clamp_index(base + 1 - span, a->in);
  *first = lowest + a->taps <= a->in ? lowest : a->in - a->taps;
  double sum = 0;
  for (int64_t k = 0; k < a->taps; ++k) weight[k] = 0;
  for (int64_t i = 1 - span; i <= span; ++i) {
    const double d = fabs((double)i - ratio) * width;
    const double w = r->mode == BT_CUBIC ? cubic(d, r->cubic_a) : tent(d);
    const int64_t at = clamp_index(base + i, a->in);
    if (r->exclude_outside && at != base + i) continue;
    weight[at - *first] += w;
    sum += w;
  }
  if ((r->antialias || r->exclude_outside) && sum != 0)
    for (int64_t k = 0; k < a->taps; ++k) weight[k] /= sum;
}

static void build(const bt_resample_rule* r, bt_resample_axis* a) {
  for (int64_t k = 0; k < a->out; ++k) {
    const float place = place_of(a, r->coordinates, k);
    const int inside = place >= 0.0f && place <= (float)(a->in - 1); /* not with NaN */
    if (r->coordinates == BT_CROP_AND_RESIZE && !inside) a->first[k] = -1;
    else if (r->mode == BT_NEAREST) a->first[k] = nearest_of(place, r->round, a->in);
    else weigh(r, a, place, &a->first[k], a->weight + k * a->taps);
  }
}

/* ---- axes ---- */

void bt_resample_add(bt_resample* r, const bt_resample_axis* axis) {
  if (!axis->moves) {
    r->inner *= axis->in;
    return;
  }
  if (r->inner > 1) r->axis[r->n++] = (bt_resample_axis){.in = r->inner, .out = r->inner};
  r->inner = 1;
  bt_resample_axis* a = &r->axis[r->n++];
  *a = *axis;
  const int64_t span = 2 * reach(&r->rule, a);
  a->taps = r->rule.mode == BT_NEAREST ? 0 : span < a->in ? span : a->in;
}

/* Plain types are read where they lie, element by element. */
static int is_plain(const bt_resample* r, bt_dtype type) {
  return r->rule.mode != BT_NEAREST && type != BT_F32 && type != BT_I8 && type != BT_U8;
}

int64_t bt_resample_bytes(const bt_call* c, const bt_resample* r, bt_dtype type) {
  int64_t bytes = 0;
  for (int i = 0; i < r->n; ++i)
    if (r->axis[i].moves)
      bytes = bt_dim_add(bytes, bt_dim_mul(bt_dim_mul(r->axis[i].out, r->axis[i].taps + 1), 8));
  if (r->rule.mode == BT_NEAREST || is_plain(r, type)) return bytes;
  return bt_dim_add(bt_dim_add(bytes, 64), bt_interpolate_bytes(c, r));
}

/* ---- nearest ---- */

typedef struct nearest_job {
  const bt_resample* r;
  const unsigned char* x;
  unsigned char *y, outside[8];
  size_t size; /* bytes of an element */
} nearest_job;

/* Start of a row in the input, in elements; -1 if it lies beyond it. `row` counts what lies before
   the last axis. */
static int64_t source_row(const bt_resample* r, int64_t row) {
  int64_t step = r->axis[r->n - 1].in * r->inner, at = 0;
  for (int i = r->n - 2; i >= 0; --i) {
    const bt_resample_axis* a = &r->axis[i];
    const int64_t k = row % a->out, from = a->moves ? a->first[k] : k;
    row /= a->out;
    if (from < 0) return -1;
    at += from * step;
    step *= a->in;
  }
  return at;
}

#define GATHER(T)                                                                 \
  for (int64_t k = 0; k < a->out; ++k)                                            \
    ((T*)to)[k] = ((const T*)from)[a->first[k] < 0 ? 0 : a->first[k]];            \
  break;

static void nearest_rows(void* arg, int64_t begin, int64_t end, int thread) {
  const nearest_job* j = arg;
  const bt_resample* r = j->r;
  const bt_resample_axis* a = &r->axis[r->n - 1];
  const size_t block = (size_t)r->inner * j->size;
  (void)thread;
  for (int64_t row = begin; row < end; ++row) {
    const int64_t at = source_row(r, row);
    const void* from = j->x + (size_t)(at < 0 ? 0 : at) * j->size;
    void* to = j->y + (size_t)(row * a->out) * block;
    switch (r->inner == 1 ? j->size : 0) {
      case 1: GATHER(uint8_t)
      case 2: GATHER(uint16_t)
      case 4: GATHER(uint32_t)
      case 8: GATHER(uint64_t)
      default:
        for (int64_t k = 0; k < a->out; ++k) {
          const size_t first = a->first[k] < 0 ? 0 : (size_t)a->first[k];
          memcpy((unsigned char*)to + (size_t)k * block,
                 (const unsigned char*)from + first * block, block);
        }
    }
    if (r->rule.coordinates != BT_CROP_AND_RESIZE) continue;
    for (int64_t k = 0; k < a->out; ++k)
      for (size_t i = 0; (at < 0 || a->first[k] < 0) && i < block; i += j->size)
        memcpy((unsigned char*)to + (size_t)k * block + i, j->outside, j->size);
  }
}

/* The value beyond the input, as it is stored. */
static void outside_value(const bt_resample* r, const bt_tensor* y, void* to) {
  bt_tensor one = {.dtype = y->dtype, .data = to};
  float v = r->rule.outside;
  if (y->quant) {
    v = rintf(v / y->quant->scale[0]) + (float)(y->quant->zero ? y->quant->zero[0] : 0);
    v = v < -128.0f ? -128.0f : v < 127.0f ? v : 127.0f;
  }
  bt_put(&one, 0, (double)v);
}

static void nearest(bt_call* c, const bt_resample* r, const bt_tensor* x, bt_tensor* y) {
  nearest_job j = {.r = r, .x = x->data, .y = y->data, .size = bt_dtype_size(x->dtype)};
  outside_value(r, y, j.outside);
  const int64_t length = r->axis[r->n - 1].out * r->inner;
  bt_parallel(c, bt_count(y) / length, 8192 / length + 1, nearest_rows, &j);
}

/* ---- the plain way: in doubles, all taps of all axes for each element ---- */

typedef struct plain_job {
  const bt_resample* r;
  const bt_tensor* x;
  bt_tensor* y;
} plain_job;

static double plain_sum(const plain_job* j, int d, int64_t at, const int64_t* index) {
  const bt_resample* r = j->r;
  if (d == r->n) return bt_get(j->x, at * r->inner + index[d]);
  const bt_resample_axis* a = &r->axis[d];
  if (!a->moves) return plain_sum(j, d + 1, at * a->in + index[d], index);
  const int64_t first = a->first[index[d]];
  if (first < 0) return (double)r->rule.outside;
  double sum = 0;
  for (int64_t t = 0; t < a->taps; ++t)
    sum += a->weight[index[d] * a->taps + t] * plain_sum(j, d + 1, at * a->in + first + t, index);
  return sum;
}

static void plain_part(void* arg, int64_t begin, int64_t end, int thread) {
  const plain_job* j = arg;
  const bt_resample* r = j->r;
  (void)thread;
  for (int64_t i = begin; i < end; ++i) {
    int64_t index[BT_MAX_RANK + 1], rest = i / r->inner;
    index[r->n] = i % r->inner;
    for (int d = r->n - 1; d >= 0; --d) {
      index[d] = rest % r->axis[d].out;
      rest /= r->axis[d].out;
    }
    double v = plain_sum(j, 0, 0, index);
    if (!bt_is_float(j->y->dtype)) { /* truncated and bounded, as a cast does */
      const double least = (double)bt_dtype_min(j->y->dtype);
      const double most = (double)bt_dtype_max(j->y->dtype);
      v = v < least ? least : v > most && j->y->dtype != BT_U64 ? most : v;
    }
    bt_put(j->y, i, v);
  }
}

/* ---- all ---- */

void bt_resample_run(bt_call* c, bt_resample* r, const bt_tensor* x, bt_tensor* y, void* room) {
  if (r->n == 0) {
    memcpy(y->data, x->data, bt_bytes(x));
    return;
  }
  unsigned char* free_room = room;
  for (int i = 0; i < r->n; ++i) {
    bt_resample_axis* a = &r->axis[i];
    if (!a->moves) continue;
    a->first = (int64_t*)(void*)free_room;
    a->weight = (double*)(void*)(a->first + a->out);
    free_room = (unsigned char*)(a->weight + a->out * a->taps);
    build(&r->rule, a);
  }
  if (r->rule.mode == BT_NEAREST) {
    nearest(c, r, x, y);
  } else if (is_plain(r, x->dtype)) {
    plain_job j = {.r = r, .x = x, .y = y};
    bt_parallel(c, bt_count(y), 256, plain_part, &j);
  } else {
    bt_interpolate(c, r, x, y, (void*)(((uintptr_t)free_room + 63) / 64 * 64));
  }
}
