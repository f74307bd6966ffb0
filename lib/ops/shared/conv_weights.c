/* SPDX-License-Identifier: Apache-2.0
   Packing of convolution weights. */
#include "ops/shared/conv_weights.h"

#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/product_s16.h"
#include "ops/shared/requant.h"
#include "runtime/shape.h"

/* What the packers need to know of a weight. */
typedef struct sizes {
  int outputs, depth, taps, group, s8, depthwise;
  int starts; /* sums start from doubles: 16-bit values */
  int runs;   /* pixels under a row of the window are one tap, and lie in a copy */
  size_t element, reorder_bytes, group_bytes, panel_bytes, scale_step;
} sizes;

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

static void measure(const bt_call* c, int group, int last, int spread, sizes* s) {
  const bt_kernels* k = bt_call_kernels(c);
  const bt_tensor* w = c->in[1];
  s->outputs = (int)w->dims[0];
  s->depth = (int)w->dims[last ? w->rank - 1 : 1];
  s->taps = (int)(last ? bt_extent(w, 1, w->rank - 1) : bt_extent(w, 2, w->rank));
  s->group = group;
  s->s8 = w->dtype == BT_I8;
  s->element = bt_dtype_size(w->dtype);
  s->reorder_bytes = last || s->taps == 1 ? 0 : align(bt_bytes(w));
  s->depthwise = bt_conv_is_depthwise(c, group, last);
  const int wide = s->s8 && bt_is_product_s16(c);
  s->starts = wide && (s->depthwise || bt_is_q16(c->in[0]));
  const int rows = bt_conv_takes_rows((size_t)s->depth * s->element, spread);
  s->runs = s->taps > 1 && rows;
  if (rows) { /* one tap for a row of the window */
    const int width = w->rank > 2 ? (int)w->dims[last ? w->rank - 2 : w->rank - 1] : 1;
    s->depth *= width;
    s->taps = width ? s->taps / width : 0;
  }
  const int per_group = s->outputs / group;
  const int dw_nr = wide ? k->dw_s16_nr : s->s8 ? k->dw_s8_nr : k->dw_nr;
  const int nr = s->depthwise ? dw_nr : s->s8 ? k->s8_nr : k->f32_nr;
  const int columns = s->depthwise ? s->outputs : per_group;
  s->scale_step = (size_t)((columns + nr - 1) / nr * nr);
  if (s->depthwise) {
    const int taps = s->depth * s->taps;
    s->group_bytes = wide    ? bt_pack_dw_s16(k, s->outputs, taps, NULL, NULL)
                     : s->s8 ? bt_pack_dw_s8(k, s->outputs, taps, NULL, NULL, 0, NULL)
                             : bt_pack_dw_f32(k, s->outputs, taps, NULL, NULL, NULL);
    s->panel_bytes = 0;
  } else if (s->s8) {
    s->group_bytes = bt_pack_s8(k, per_group, s->taps, s->depth, NULL, 0, 0, NULL, 0, NULL);
    s->panel_bytes = bt_panel_s8(k, s->taps, s->depth);
  } else {
    s->group_bytes = bt_pack_f32(k, per_group, s->taps * s->depth, NULL, 0, 0, NULL, NULL);
    s->panel_bytes = bt_panel_f32(k, s->taps * s->depth);
  }
}

int bt_conv_is_depthwise(const bt_call* c, int group, int last) {
  const bt_tensor* w = c->in[1];
  const int wide = w->dtype == BT_I8 && bt_is_product_s16(c);
  /* the depthwise kernel on bytes stores integers only */
  if (w->dtype == BT_I8 && !wide && !c->out[0]->quant) return 0;
  if (wide && bt_count(w) > (int64_t)group * BT_DW_S16_TAPS) return 0;
  return group > 1 && w->dims[0] == group && w->dims[last ? w->rank - 1 : 1] == 1;
}

static size_t packed_bytes(const sizes* s) {
  const size_t groups = s->depthwise ? 1 : (size_t)s->group;
  const size_t entries = groups * s->scale_step;
  return align(groups * s->group_bytes) + (s->s8 ? align(entries * sizeof(float)) : 0) +
         (s->starts ? align(entries * sizeof(double)) : 0);
}

size_t bt_conv_pack_bytes(bt_call* c, int group, int last, int spread) {
  sizes s;
  measure(c, group, last, spread, &s);
  return packed_bytes(&s) + s.reorder_bytes;
}

/* [O][C][taps] -> [O][taps][C] */
static void reorder(const bt_tensor* w, void* out) {
  const int64_t outputs = w->dims[0], channels = w->dims[1];
  const int64_t taps = bt_extent(w, 2, w->rank);
  for (int64_t o = 0; o < outputs; ++o)
    for (int64_t ch = 0; ch < channels; ++ch)
      for (int64_t t = 0; t < taps; ++t) {
        const int64_t from = (o * channels + ch) * taps + t, to = (o * taps + t) * channels + ch;
        if (w->dtype == BT_I8) ((int8_t*)out)[to] = ((const int8_t*)w->data)[from];
        else ((float*)out)[to] = ((const float*)w->data)[from];
      }
}

/* The planes in which a 16-bit X is read: as many as the largest weights need. */
static int count_planes(const bt_call* c, const sizes* s, const int8_t* w) {
  int64_t most = 0;
  const int rows = s->taps * s->depth;
  for (int o = 0; o < s->outputs; ++o) {
    const int64_t magnitude = bt_sum_weights(w + (ptrdiff_t)o * rows, rows, 1).magnitude;
    if (magnitude > most) most = magnitude;
  }
  return bt_planes_s16(bt_call_kernels(c), s->runs ? 2 : s->depth, most); /* runs are copied */
}

/* Of the outputs of a group, whose weights are rows of `rows`. */
static void set_starts(const bt_call* c, const int8_t* w, int first, int n, int rows, int planes,
                       double* start) {
  const bt_tensor* bias = bt_given(c, 2) ? c->in[2] : NULL;
  for (int o = 0; o < n; ++o) {
    const int64_t sum = bt_sum_weights(w + (ptrdiff_t)o * rows, rows, 1).sum;
    start[o] = bt_start_s16(bias, first + o, planes, sum);
  }
}

/* `known`: the weights can be looked at before the product is prepared. */
static void pack(bt_call* c, const sizes* s, int known, void* reordered, unsigned char* room,
                 bt_conv_weights* out) {
  const bt_kernels* k = bt_call_kernels(c);
  const bt_tensor *x = c->in[0], *w = c->in[1], *bias = bt_given(c, 2) ? c->in[2] : NULL;
  const void* ordered = w->data;
  if (s->reorder_bytes) {
    reorder(w, reordered);
    ordered = reordered;
  }
  const int groups = s->depthwise ? 1 : s->group, rows = s->taps * s->depth;
  const int32_t x_zero = s->s8 && !s->starts ? bt_zero_of(x->quant) : 0;
  *out = (bt_conv_weights){.panels = room, .panel_bytes = s->panel_bytes,
                           .group_bytes = s->group_bytes, .scale_step = s->scale_step, .planes = 2};
  if (s->depthwise) out->planes = 1;
  else if (s->starts && known) out->planes = count_planes(c, s, ordered);
  float* scale = NULL;
  if (s->s8) {
    scale = (float*)(room + align((size_t)groups * s->group_bytes));
    memset(scale, 0, (size_t)groups * s->scale_step * sizeof *scale);
    out->scale = scale;
  }
  double* start = NULL;
  if (s->starts) {
    start = (double*)(void*)((unsigned char*)scale + align((size_t)groups * s->scale_step * sizeof *scale));
    out->start = start;
  }
  for (int g = 0; g < groups; ++g) {
    const int n = s->outputs / groups;
    const size_t first = (size_t)g * (size_t)n;
    unsigned char* to = room + (size_t)g * s->group_bytes;
    const int8_t* w8 = (const int8_t*)ordered + first * (size_t)rows;
    const float* wf = (const float*)ordered + first * (size_t)rows;
    const int32_t* b8 = bias && !s->starts ? (const int32_t*)bias->data + first : NULL;
    const float* bf = bias ? (const float*)bias->data + first : NULL;
    if (start)
      set_starts(c, w8, (int)first, n, rows, out->planes, start + (size_t)g * s->scale_step);
    if (s->depthwise && s->starts) bt_pack_dw_s16(k, n, rows, w8, to);
    else if (s->depthwise && s->s8) bt_pack_dw_s8(k, n, rows, w8, b8, x_zero, to);
    else if (s->depthwise) bt_pack_dw_f32(k, n, rows, wf, bf, (float*)(void*)to);
    else if (s->s8) bt_pack_s8(k, n, s->taps, s->depth, w8, rows, 1, b8, x_zero, to);
    else bt_pack_f32(k, n, rows, wf, rows, 1, bf, (float*)(void*)to);
    if (scale) {
      bt_quant part = *w->quant;
      if (part.n > 1) part.scale += first;
      bt_requant_factors(x->quant, &part, c->out[0]->quant, n, scale + (size_t)g * s->scale_step);
    }
  }
}

void bt_conv_pack(bt_call* c, int group, int last, int spread, void* room, bt_conv_weights* out) {
  sizes s;
  measure(c, group, last, spread, &s);
  pack(c, &s, 0, (unsigned char*)room + packed_bytes(&s), room, out);
}

bt_status bt_conv_load(bt_call* c, int group, int last, int spread) {
  const bt_tensor *w = c->in[1], *bias = bt_given(c, 2) ? c->in[2] : NULL;
  if (!w->constant || !w->data || (bias && (!bias->constant || !bias->data))) return BT_OK;
  sizes s;
  measure(c, group, last, spread, &s);
  bt_conv_weights* out = bt_keep(c, sizeof *out);
  unsigned char* room = bt_keep(c, packed_bytes(&s));
  void* reordered = bt_alloc_scratch(c, s.reorder_bytes);
  if (!out || !room || !reordered) {
    bt_free_scratch(reordered);
    return bt_fail_memory(c);
  }
  pack(c, &s, 1, reordered, room, out);
  bt_free_scratch(reordered);
  c->weights = out;
  c->loaded = 6; /* inputs 1 and 2 are not read any more */
  return BT_OK;
}
