/* SPDX-License-Identifier: Apache-2.0
   MaxPool: the largest element under every position of a sliding window; padding does not count.
   A window that lies in the padding altogether gives -inf, or the smallest integer.

   Output 1, where it is wanted, says where the element was: its place in the whole input with
   channels first, row-major, or (storage_order 1) with the spatial axes in the opposite order. -1
   stands for no element. The first of equal elements is taken, and NaN is larger than all. */
#include <math.h>
#include <string.h>

#include "kernels/kernels.h"
#include "ops/shared/pooling.h"
#include "runtime/shape.h"

enum { STORAGE_ORDER = BT_POOL_ATTRS };
static const bt_attr_spec attrs[] = {
    BT_POOL_ATTR_SPECS, {.name = "storage_order", .kind = BT_INT}, {0}};

static bt_status infer(bt_call* c) {
  BT_TRY(bt_need_type(c, 0, BT_TYPES_FLOAT | BT_BIT(BT_I8) | BT_BIT(BT_U8) |
                               (c->in[0]->quant ? BT_BIT(BT_I16) : 0)));
  BT_TRY(bt_pooling_infer(c));
  if (c->n_out > 1) bt_set_shape(c->out[1], BT_I64, c->out[0]->rank, c->out[0]->dims);
  return BT_OK;
}

/* y = the largest of y and all taps; the kernel takes up to PIXELS at a time. */
#define PIXELS 27
#define TAKE_LARGEST(T, kernel, taps, y, channels)          \
  {                                                         \
    const T* pixels[PIXELS];                                \
    int count = 0;                                          \
    BT_POOL_EACH(T, x, taps) {                              \
      pixels[count++] = x;                                  \
      if (count < PIXELS) continue;                         \
      kernel(pixels, count, y, (size_t)(channels));         \
      count = 0;                                            \
    }                                                       \
    kernel(pixels, count, y, (size_t)(channels));           \
  }

static void pixel_f32(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  const bt_kernels* k = bt_call_kernels(c);
  float* y = py;
  if (taps->hit == 0)
    for (int64_t i = 0; i < channels; ++i) y[i] = -INFINITY;
  else
    memcpy(y, taps->first, (size_t)channels * sizeof *y);
  if (taps->hit > 1) TAKE_LARGEST(float, k->max_f32, taps, y, channels)
}

static void pixel_i8(const bt_call* c, const bt_pooling_taps* taps, void* y, int64_t channels) {
  const bt_kernels* k = bt_call_kernels(c);
  memset(y, -128, (size_t)channels);
  TAKE_LARGEST(int8_t, k->max_s8, taps, y, channels)
}

static void pixel_i16(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  int16_t* y = py;
  (void)c;
  for (int64_t i = 0; i < channels; ++i) y[i] = INT16_MIN;
  BT_POOL_EACH(int16_t, x, taps)
    for (int64_t i = 0; i < channels; ++i) y[i] = x[i] > y[i] ? x[i] : y[i];
}

static void pixel_u8(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  uint8_t* y = py;
  (void)c;
  memset(y, 0, (size_t)channels);
  BT_POOL_EACH(uint8_t, x, taps)
    for (int64_t i = 0; i < channels; ++i) y[i] = x[i] > y[i] ? x[i] : y[i];
}

static void pixel_f64(const bt_call* c, const bt_pooling_taps* taps, void* py, int64_t channels) {
  double* y = py;
  (void)c;
  for (int64_t i = 0; i < channels; ++i) y[i] = -INFINITY;
  BT_POOL_EACH(double, x, taps)
    for (int64_t i = 0; i < channels; ++i) y[i] = x[i] > y[i] || x[i] != x[i] ? x[i] : y[i];
}

/* ---- places ---- */

static bt_pooling_fn values_of(const bt_call* c) {
  switch (c->in[0]->dtype) {
    case BT_F32: return pixel_f32;
    case BT_F64: return pixel_f64;
    case BT_I8: return pixel_i8;
    case BT_I16: return pixel_i16;
    default: return pixel_u8;
  }
}

/* Where the pixel is among all of the image, counted as storage_order says. */
static int64_t place_of(const int64_t* pixel, const int64_t* length, int reversed) {
  return reversed ? (pixel[2] * length[1] + pixel[1]) * length[0] + pixel[0]
                  : (pixel[0] * length[1] + pixel[1]) * length[2] + pixel[2];
}

/* The first tap that holds the value found for channel i. */
static int64_t find_place(const bt_call* c, const bt_pooling_taps* taps, const bt_tensor* y,
                          int64_t i) {
  const bt_image* m = taps->image;
  const double wanted = bt_get(y, i);
  bt_tensor x = {.dtype = y->dtype};
  for (int64_t t = 0; t < taps->hit; ++t) {
    const int64_t line = t / taps->n[2];
    const int64_t tap[3] = {line / taps->n[1], line % taps->n[1], t % taps->n[2]};
    int64_t pixel[3];
    unsigned char* at = (unsigned char*)(uintptr_t)taps->first; /* only read */
    for (int d = 0; d < 3; ++d) {
      pixel[d] = taps->pixel[d] + tap[d] * m->dilation[d];
      at += tap[d] * taps->step[d];
    }
    x.data = at;
    const double v = bt_get(&x, i);
    if (v == wanted || (v != v && wanted != wanted))
      return place_of(pixel, m->in, c->attr[STORAGE_ORDER].i != 0);
  }
  return -1;
}

static void pixel_places(const bt_call* c, const bt_pooling_taps* taps, void* py,
                         int64_t channels) {
  const bt_image* m = taps->image;
  const int64_t pixels = m->in[0] * m->in[1] * m->in[2];
  const int64_t outputs = m->out[0] * m->out[1] * m->out[2];
  const int last = c->attr[BT_POOL_LAYOUT].i != 0;
  const bt_tensor y = {.dtype = c->in[0]->dtype, .data = py};
  int64_t* places = c->out[1]->data;
  values_of(c)(c, taps, py, channels);
  for (int64_t i = 0; i < channels; ++i) {
    const int64_t plane = taps->number * channels + i, place = find_place(c, taps, &y, i);
    places[last ? (taps->number * outputs + taps->position) * channels + i
                : plane * outputs + taps->position] = place < 0 ? -1 : plane * pixels + place;
  }
}

static bt_status run(bt_call* c) {
  return bt_pooling_run(c, bt_wants(c, 1) ? pixel_places : values_of(c));
}

const bt_op bt_op_max_pool = {
    .name = "MaxPool", .summary = "The largest element under a sliding window.", .attrs = attrs,
    .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 2, .flags = BT_OP_HALF | BT_OP_WORDS,
    .layout = BT_LAYOUT_SPATIAL, .quant = BT_QUANT_SAME,
    .infer = infer, .prepare = bt_pooling_prepare, .run = run};
