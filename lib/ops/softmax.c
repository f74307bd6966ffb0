/* SPDX-License-Identifier: Apache-2.0
   Softmax: y = e^x / (sum of e^x along an axis).
   Quantized: rows are computed in floats and rounded half to even; with the output's scale 1/256
   and zero point -128 that is round(256 * softmax) - 128. */
#include "ops/shared/softmax.h"

#include "kernels/kernels.h"
#include "ops/shared/requant.h"

enum { AXIS };
static const bt_attr_spec attrs[] = {{.name = "axis", .kind = BT_INT, .i = -1}, {0}};

static bt_status infer(bt_call* c) {
  const bt_tensor* x = c->in[0];
  int axis = 0;
  if (!bt_is_q8(x)) BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT));
  if (bt_has_rank(x)) BT_TRY(bt_need_axis(c, c->attr[AXIS].i, x->rank, "axis", &axis));
  bt_set_like(c->out[0], x);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  if (!bt_is_q8(c->in[0])) return BT_OK;
  BT_TRY(bt_need_q8(c, 0, 1));
  const int64_t n = bt_split_at(c->in[0], c->attr[AXIS].i).n;
  c->scratch_bytes = (size_t)bt_threads(c) * (size_t)n * (sizeof(float) + 1);
  return BT_OK;
}

typedef struct job {
  const bt_call* c;
  bt_axis axis;
} job;

static void part_s8(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_kernels* k = bt_call_kernels(j->c);
  const bt_quant *in = j->c->in[0]->quant, *out = j->c->out[0]->quant;
  const size_t n = (size_t)j->axis.n;
  const int64_t inner = j->axis.inner;
  float* const reals = j->c->scratch;
  float* real = reals + (size_t)thread * n;
  int8_t* stored = (int8_t*)(reals + (size_t)bt_threads(j->c) * n) + (size_t)thread * n;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t at = i / inner * j->axis.n * inner + i % inner;
    const int8_t* x = (const int8_t*)j->c->in[0]->data + at;
    int8_t* y = (int8_t*)j->c->out[0]->data + at;
    for (size_t q = 0; q < n; ++q) stored[q] = x[(int64_t)q * inner];
    k->dequantize(stored, real, n, in->scale[0], bt_zero_of(in));
    bt_softmax_row(k, real, real, n, 0);
    k->quantize(real, stored, n, 1.0f / out->scale[0], bt_zero_of(out));
    for (size_t q = 0; q < n; ++q) y[(int64_t)q * inner] = stored[q];
  }
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  job j = {.c = c, .axis = bt_split_at(x, c->attr[AXIS].i)};
  const int64_t grain = 1 + 4096 / (j.axis.n + 1);
  if (bt_is_q8(x)) bt_parallel(c, j.axis.outer * j.axis.inner, grain, part_s8, &j);
  else bt_softmax(c, x, c->out[0], j.axis, 0);
  return BT_OK;
}

const bt_op bt_op_softmax = {
    .name = "Softmax", .summary = "Normalised exponentials along an axis.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1, .flags = BT_OP_HALF,
    .layout = BT_LAYOUT_AXIS, .quant = BT_QUANT_ARITH,
    .infer = infer, .prepare = prepare, .run = run};
