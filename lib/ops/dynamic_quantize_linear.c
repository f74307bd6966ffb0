/* SPDX-License-Identifier: Apache-2.0
   DynamicQuantizeLinear: quantizes f32 to u8 with a scale and a zero point (outputs 1 and 2) that
   are made from the smallest and the largest element, 0 being always in the range. Where all are 0
   the scale is 1. */
#include <math.h>

#include "ops/shared/linear_quant.h"
#include "runtime/shape.h"

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_BIT(BT_F32)));
  bt_set_shape(c->out[0], BT_U8, c->in[0]->rank, c->in[0]->dims);
  bt_set_scalar(c->out[1], BT_F32);
  bt_set_scalar(c->out[2], BT_U8);
  return BT_OK;
}

typedef struct range {
  float least, most;
} range;

typedef struct job {
  const float* x;
  range* of_thread;
} job;

static void run_part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  range r = j->of_thread[thread];
  for (int64_t i = begin; i < end; ++i) { /* NaN is passed over */
    r.least = j->x[i] < r.least ? j->x[i] : r.least;
    r.most = j->x[i] > r.most ? j->x[i] : r.most;
  }
  j->of_thread[thread] = r;
}

static bt_status prepare(bt_call* c) {
  c->scratch_bytes = (size_t)bt_threads(c) * sizeof(range);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const int64_t n = bt_count(c->in[0]);
  job j = {.x = c->in[0]->data, .of_thread = c->scratch};
  for (int t = 0; t < bt_threads(c); ++t) j.of_thread[t] = (range){0, 0};
  bt_parallel(c, n, 8192, run_part, &j);
  range all = {0, 0};
  for (int t = 0; t < bt_threads(c); ++t) {
    all.least = fminf(all.least, j.of_thread[t].least);
    all.most = fmaxf(all.most, j.of_thread[t].most);
  }
  const float scale = all.least == all.most ? 1.0f : (all.most - all.least) / 255.0f;
  const float zero = rintf(-all.least / scale);
  const bt_zero_point point = {.i = zero > 255.0f ? 255 : zero > 0.0f ? (int32_t)zero : 0};
  if (bt_wants(c, 1)) *(float*)c->out[1]->data = scale;
  if (bt_wants(c, 2)) *(uint8_t*)c->out[2]->data = (uint8_t)point.i;
  if (!bt_wants(c, 0)) return BT_OK;
  const bt_linear a = {.rows = 1, .length = n, .scale = &scale, .zero = &point};
  bt_linear_quantize(c, &a, c->in[0], c->out[0], BT_F32, 1);
  return BT_OK;
}

const bt_op bt_op_dynamic_quantize_linear = {
    .name = "DynamicQuantizeLinear",
    .summary = "Floats to u8, with a scale made from their range.", .in_min = 1, .in_max = 1,
    .out_min = 3, .out_max = 3, .infer = infer, .prepare = prepare, .run = run};
