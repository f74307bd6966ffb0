/* SPDX-License-Identifier: Apache-2.0
   Weights of transposed convolutions. */
#include "ops/shared/deconv_weights.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/requant.h"
#include "runtime/shape.h"

static int64_t common_divisor(int64_t a, int64_t b) {
  while (b) {
    const int64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

bt_status bt_deconv_measure(bt_call* c, const bt_window* w, int group, int last, int join,
                            bt_deconv* s) {
  const bt_tensor* weight = c->in[1];
  *s = (bt_deconv){.group = group, .last = last, .s8 = weight->dtype == BT_I8};
  const int64_t outputs = last ? weight->dims[0] / group : weight->dims[1];
  const int64_t depth = last ? weight->dims[weight->rank - 1] : weight->dims[0] / group;
  int64_t taps = 1;
  for (int d = 0; d < 3; ++d) {
    const int from = d - (3 - w->n);
    s->kernel[d] = from < 0 ? 1 : w->kernel[from];
    s->period[d] = from < 0 ? 1 : w->stride[from] / common_divisor(w->stride[from], w->dilation[from]);
    s->classes[d] = s->kernel[d] < s->period[d] ? s->kernel[d] : s->period[d];
    taps = bt_dim_mul(taps, s->kernel[d]);
  }
  const int64_t joined = join ? s->kernel[2] : 1;
  if (bt_dim_mul(taps, depth) > INT_MAX / 2 || bt_dim_mul(outputs, joined) > INT_MAX / 2)
    return bt_fail(c, BT_UNSUPPORTED,
                   "a weight of %" PRId64 " taps, %" PRId64 " by %" PRId64 " channels, is too large",
                   taps, depth, outputs);
  s->depth = (int)depth;
  s->cols = (int)(outputs * joined);
  s->joined = (int)joined;
  if (join) s->kernel[2] = s->period[2] = s->classes[2] = 1;
  return BT_OK;
}

int64_t bt_deconv_count(const bt_deconv* s) {
  return s->classes[0] * s->classes[1] * s->classes[2] + 1;
}

const bt_deconv_class* bt_deconv_class_of(const bt_deconv* s, const int64_t i[3]) {
  if (i[0] < 0 || i[1] < 0 || i[2] < 0) return &s->list[bt_deconv_count(s) - 1];
  return &s->list[(i[0] * s->classes[1] + i[1]) * s->classes[2] + i[2]];
}

/* The class `index` of the list along each dimension; the last one has no taps. */
static void split_index(const bt_deconv* s, int64_t index, int64_t i[3]) {
  if (index == bt_deconv_count(s) - 1) index = -1;
  i[2] = index < 0 ? -1 : index % s->classes[2];
  i[1] = index < 0 ? -1 : index / s->classes[2] % s->classes[1];
  i[0] = index < 0 ? -1 : index / s->classes[2] / s->classes[1];
}

void bt_deconv_place(const bt_kernels* k, bt_deconv* s) {
  const int64_t n = bt_deconv_count(s);
  const int nr = s->s8 ? k->s8_nr : k->f32_nr;
  const size_t panels = ((size_t)s->cols + (size_t)nr - 1) / (size_t)nr;
  size_t at = 0, most = 0;
  for (int64_t index = 0; index < n; ++index) {
    int64_t i[3], taps = 1;
    split_index(s, index, i);
    for (int d = 0; d < 3; ++d) taps *= i[d] < 0 ? 0 : bt_deconv_taps(s, d, i[d]);
    bt_deconv_class* one = &s->list[index];
    one->taps = (int)taps;
    one->at = at;
    one->panel_bytes = s->s8 ? bt_panel_s8(k, one->taps, s->depth) : bt_panel_f32(k, one->taps * s->depth);
    one->group_bytes = one->panel_bytes * panels;
    at += one->group_bytes * (size_t)s->group;
    if ((size_t)taps > most) most = (size_t)taps;
  }
  s->bytes = at;
  const size_t weights = most * (size_t)s->depth * (size_t)s->cols * (s->s8 ? 1 : 4);
  s->bias_at = (weights + 3) / 4 * 4;
  s->gather_bytes = s->bias_at + ((size_t)s->cols + 1) * 4;
}

/* Weights of one class and group as [column][tap][input]. */
static void gather(const bt_deconv* s, const void* weight, int g, const int64_t i[3], void* out) {
  const int64_t width = s->kernel[2] * s->joined, all = s->kernel[0] * s->kernel[1] * width;
  const int64_t outputs = s->cols / s->joined;
  const int64_t o_step = s->last ? all * s->depth : all;
  const int64_t in_step = s->last ? 1 : outputs * all, tap_step = s->last ? s->depth : 1;
  const int64_t first = (int64_t)g * (s->last ? outputs * o_step : s->depth * in_step);
  int64_t to = 0;
  for (int64_t column = 0; column < s->cols; ++column)
    for (int64_t z = i[0]; z < s->kernel[0]; z += s->period[0])
      for (int64_t y = i[1]; y < s->kernel[1]; y += s->period[1])
        for (int64_t x = i[2]; x < s->kernel[2]; x += s->period[2]) {
          const int64_t tap = (z * s->kernel[1] + y) * width + x + column / outputs;
          const int64_t from = first + column % outputs * o_step + tap * tap_step;
          for (int64_t ch = 0; ch < s->depth; ++ch, ++to) {
            if (s->s8) ((int8_t*)out)[to] = ((const int8_t*)weight)[from + ch * in_step];
            else ((float*)out)[to] = ((const float*)weight)[from + ch * in_step];
          }
        }
}

/* The bias of each column of group g, f32 or i32; NULL without one. */
static const void* gather_bias(const bt_call* c, const bt_deconv* s, int g, void* room) {
  if (!bt_given(c, 2)) return NULL;
  const size_t bytes = (size_t)(s->cols / s->joined) * 4;
  const unsigned char* first = (const unsigned char*)c->in[2]->data + (size_t)g * bytes;
  unsigned char* to = (unsigned char*)room + s->bias_at;
  for (int i = 0; i < s->joined; ++i) memcpy(to + (size_t)i * bytes, first, bytes);
  return to;
}

void bt_deconv_pack(const bt_call* c, const bt_deconv* s, void* room, void* packed) {
  const bt_kernels* k = bt_call_kernels(c);
  const int64_t n = bt_deconv_count(s);
  for (int64_t index = 0; index < n; ++index) {
    const bt_deconv_class* one = &s->list[index];
    int64_t i[3];
    split_index(s, index, i);
    for (int g = 0; g < s->group; ++g) {
      const void* bias = gather_bias(c, s, g, room);
      unsigned char* to = (unsigned char*)packed + one->at + (size_t)g * one->group_bytes;
      const int rows = one->taps * s->depth;
      if (one->taps) gather(s, c->in[1]->data, g, i, room);
      if (s->s8)
        bt_pack_s8(k, s->cols, one->taps, s->depth, room, rows, 1, bias,
                   bt_zero_of(c->in[0]->quant), to);
      else
        bt_pack_f32(k, s->cols, rows, room, rows, 1, bias, (float*)(void*)to);
    }
  }
}
