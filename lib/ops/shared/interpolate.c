/* SPDX-License-Identifier: Apache-2.0
   Weighted sums along the axes of f32, i8 and u8 tensors.

   Axes are done one or two at a time: two neighbours [rows][columns] of a channels-last or -first
   image are blended into one row of floats first, and that row is then resampled, so that what lies
   between never leaves the cache. Sums are taken in the order of the taps. */
#include <math.h>
#include <string.h>

#include "ops/shared/requant.h"
#include "ops/shared/resample.h"
#include "runtime/shape.h"

/* One step: [outer][rows][cols][inner]. An axis that is missing here is NULL and has length 1. */
typedef struct stage {
  const bt_resample_axis *rows, *cols;
  int64_t outer, inner;
  bt_dtype from, to;
  float outside;
  const void* x;
  void* y;
  float* work; /* of all threads */
  int64_t work_step;
  const bt_quant* quant; /* of an i8 result */
} stage;

static int64_t in_of(const bt_resample_axis* a) { return a ? a->in : 1; }
static int64_t out_of(const bt_resample_axis* a) { return a ? a->out : 1; }

/* ---- sums ---- */

/* y[i] = sum over t of weight[t] * x[t * step + i] */
#define BLEND(name, T)                                                                     \
  static void name(const T* x, int64_t step, const double* weight, int64_t taps, float* y, \
                   int64_t n) {                                                            \
    const float w0 = (float)weight[0];                                                     \
    for (int64_t i = 0; i < n; ++i) y[i] = w0 * (float)x[i];                               \
    for (int64_t t = 1; t < taps; ++t) {                                                   \
      const float w = (float)weight[t];                                                    \
      for (int64_t i = 0; i < n; ++i) y[i] += w * (float)x[t * step + i];                  \
    }                                                                                      \
  }
BLEND(blend_f32, float)
BLEND(blend_s8, int8_t)
BLEND(blend_u8, uint8_t)

static void blend(const stage* s, int64_t at, int64_t step, const double* weight, int64_t taps,
                  float* y, int64_t n) {
  if (s->from == BT_F32) blend_f32((const float*)s->x + at, step, weight, taps, y, n);
  else if (s->from == BT_I8) blend_s8((const int8_t*)s->x + at, step, weight, taps, y, n);
  else blend_u8((const uint8_t*)s->x + at, step, weight, taps, y, n);
}

static void fill(float* y, int64_t n, float value) {
  for (int64_t i = 0; i < n; ++i) y[i] = value;
}

/* One row of floats along its columns. */
static void across(const stage* s, const float* x, float* y) {
  const bt_resample_axis* a = s->cols;
  const int64_t inner = s->inner, taps = a->taps;
  for (int64_t k = 0; k < a->out; ++k) {
    const double* weight = a->weight + k * taps;
    const float* from = x + a->first[k] * inner;
    if (a->first[k] < 0) {
      fill(y + k * inner, inner, s->outside);
    } else if (inner > 1) {
      blend_f32(from, inner, weight, taps, y + k * inner, inner);
    } else {
      float sum = (float)weight[0] * from[0];
      for (int64_t t = 1; t < taps; ++t) sum += (float)weight[t] * from[t];
      y[k] = sum;
    }
  }
}

/* ---- storing ---- */

static void store(const stage* s, const float* v, int64_t at, int64_t n) {
  if (s->to == BT_U8) { /* a cast */
    uint8_t* y = (uint8_t*)s->y + at;
    for (int64_t i = 0; i < n; ++i)
      y[i] = (uint8_t)(v[i] > 0.0f ? (v[i] < 255.0f ? v[i] : 255.0f) : 0.0f);
    return;
  }
  int8_t* y = (int8_t*)s->y + at;
  for (int64_t i = 0; i < n; ++i) {
    const float f = v[i] > -128.0f ? (v[i] < 127.0f ? v[i] : 127.0f) : -128.0f;
    y[i] = (int8_t)(s->quant ? rintf(f) : f);
  }
}

/* Parts are output rows over all of `outer`. */
static void run_part(void* arg, int64_t begin, int64_t end, int thread) {
  const stage* s = arg;
  static const double one = 1.0;
  const int64_t n = in_of(s->cols) * s->inner, n_out = out_of(s->cols) * s->inner;
  float* row = s->work + thread * s->work_step;
  float* done = row + n; /* for results that are no floats */
  for (int64_t r = begin; r < end; ++r) {
    const int64_t image = r / out_of(s->rows), k = r % out_of(s->rows);
    const int64_t first = s->rows ? s->rows->first[k] : 0;
    const int64_t at = (image * in_of(s->rows) + first) * n;
    float* to = s->to == BT_F32 ? (float*)s->y + r * n_out : done;
    float* blended = s->cols ? row : to;
    if (first < 0) {
      fill(to, n_out, s->outside);
    } else {
      if (s->rows) blend(s, at, n, s->rows->weight + k * s->rows->taps, s->rows->taps, blended, n);
      else if (s->from != BT_F32) blend(s, at, n, &one, 1, blended, n);
      if (s->cols) across(s, s->rows || s->from != BT_F32 ? row : (const float*)s->x + at, to);
    }
    if (s->to != BT_F32) store(s, done, r * n_out, n_out);
  }
}

/* ---- steps ---- */

/* The step that begins with axis i, which moves; axes before it have their new lengths. Returns the
   axis behind the step. */
static int plan_stage(const bt_resample* r, int i, stage* s) {
  int64_t outer = 1, inner = r->inner;
  for (int d = 0; d < i; ++d) outer *= r->axis[d].out;
  const int pair = i + 1 < r->n && r->axis[i + 1].moves;
  const int end = i + 1 + pair;
  for (int d = end; d < r->n; ++d) inner *= r->axis[d].in;
  const int alone_is_row = !pair && inner > 1;
  s->rows = pair || alone_is_row ? &r->axis[i] : NULL;
  s->cols = pair ? &r->axis[i + 1] : alone_is_row ? NULL : &r->axis[i];
  s->outer = outer;
  s->inner = inner;
  s->work_step = (in_of(s->cols) + out_of(s->cols)) * inner;
  return end;
}

static int next_moving(const bt_resample* r, int i) {
  while (i < r->n && !r->axis[i].moves) ++i;
  return i;
}

/* Elements that a step leaves. */
static int64_t result_of(const stage* s) {
  return s->outer * out_of(s->rows) * out_of(s->cols) * s->inner;
}

typedef struct needs {
  int64_t work, between[2]; /* floats: of a thread, and of steps that are not the last */
} needs;

static needs needs_of(const bt_resample* r) {
  needs most = {0, {0, 0}};
  int which = 0;
  for (int i = next_moving(r, 0); i < r->n;) {
    stage s;
    i = next_moving(r, plan_stage(r, i, &s));
    if (s.work_step > most.work) most.work = s.work_step;
    if (i < r->n && result_of(&s) > most.between[which]) most.between[which] = result_of(&s);
    which ^= 1;
  }
  return most;
}

int64_t bt_interpolate_bytes(const bt_call* c, const bt_resample* r) {
  const needs n = needs_of(r);
  const int64_t work = bt_dim_mul(n.work, bt_threads(c));
  return bt_dim_mul(bt_dim_add(work, bt_dim_add(n.between[0], n.between[1])), sizeof(float));
}

void bt_interpolate(bt_call* c, const bt_resample* r, const bt_tensor* x, bt_tensor* y,
                    void* room) {
  const needs n = needs_of(r);
  float* between[2] = {(float*)room + n.work * bt_threads(c), NULL};
  between[1] = between[0] + n.between[0];
  stage s = {.x = x->data, .from = x->dtype, .outside = r->rule.outside, .work = room,
             .quant = y->quant};
  if (y->quant) s.outside = s.outside / y->quant->scale[0] + (float)bt_zero_of(y->quant);
  int which = 0;
  for (int i = next_moving(r, 0); i < r->n;) {
    i = next_moving(r, plan_stage(r, i, &s));
    s.work_step = n.work;
    s.to = i < r->n ? BT_F32 : y->dtype;
    s.y = i < r->n ? between[which] : y->data;
    const int64_t lines = s.outer * out_of(s.rows), length = out_of(s.cols) * s.inner;
    bt_parallel(c, lines, 4096 / length + 1, run_part, &s);
    s.x = s.y;
    s.from = BT_F32;
    which ^= 1;
  }
}
