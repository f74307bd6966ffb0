/* SPDX-License-Identifier: Apache-2.0
   Depthwise convolution. A kernel call computes neighbouring pixels of one line. Their windows
   overlap, so the pointers are made once for every column under them: for thin images, finding nine
   pixels of padding and image for each window costs more than the products. */
#include "ops/shared/depthwise.h"

#include "kernels/kernels.h"

static size_t align(size_t n) { return (n + 63) / 64 * 64; }

bt_status bt_depthwise_prepare(bt_call* c, const bt_image* image, int64_t images, int channels,
                               bt_depthwise* d) {
  const int64_t rows = image->kernel[0] * image->kernel[1], width = image->kernel[2];
  d->channels = channels;
  d->pitch = channels;
  d->taps = (int)(rows * width);
  d->pixels = image->out[2] < BT_DW_PIXELS ? (int)image->out[2] : BT_DW_PIXELS;
  d->lines = images * image->out[0] * image->out[1];
  const int shared = image->dilation[2] == 1 && image->stride[2] <= width;
  d->width = shared ? (int)width : 0;
  d->step = shared ? (int)image->stride[2] : d->taps;
  d->columns = shared ? (d->pixels - 1) * d->step + (int)width : 0;
  const int64_t pointers = shared ? rows * d->columns : (int64_t)d->pixels * d->taps;
  d->scratch = align((size_t)pointers * sizeof(void*));
  d->at = bt_keep_plan(c, (size_t)d->taps * sizeof *d->at);
  if (!d->at) return bt_fail_memory(c);
  for (int t = 0; t < d->taps; ++t)
    d->at[t] = shared ? t / d->width * d->columns + t % d->width : t;
  return BT_OK;
}

typedef struct job {
  const bt_depthwise* d;
  const bt_image* image;
  const bt_kernels* k;
  const bt_conv_weights* weights;
  unsigned char *y, *scratch;
} job;

/* Pointers to `n` columns of the image from column x on, of every row of the window. */
static void point_columns(const bt_image* m, int64_t line, int64_t x, int n, int columns,
                          const void** a) {
  const int64_t oy = line % m->out[1], oz = line / m->out[1] % m->out[0];
  const int64_t image = line / m->out[1] / m->out[0];
  const unsigned char* first = m->x + image * m->in[0] * m->in[1] * m->in[2] * m->pixel_bytes;
  for (int64_t kz = 0; kz < m->kernel[0]; ++kz)
    for (int64_t ky = 0; ky < m->kernel[1]; ++ky, a += columns) {
      const int64_t iz = oz * m->stride[0] - m->pad[0] + kz * m->dilation[0];
      const int64_t iy = oy * m->stride[1] - m->pad[1] + ky * m->dilation[1];
      const int inside = iz >= 0 && iz < m->in[0] && iy >= 0 && iy < m->in[1];
      const int64_t from = !inside || x >= 0 ? 0 : (-x < n ? -x : n);
      const int64_t left = inside ? m->in[2] - x : 0, to = left < 0 ? 0 : left < n ? left : n;
      const unsigned char* row = first + ((iz * m->in[1] + iy) * m->in[2] + x) * m->pixel_bytes;
      int64_t i = 0;
      for (; i < from && i < n; ++i) a[i] = m->zero;
      for (; i < to; ++i) a[i] = row + i * m->pixel_bytes;
      for (; i < n; ++i) a[i] = m->zero;
    }
}

static void run_s16(const job* j, int64_t pixel, int n, const void** a) {
  const bt_depthwise* d = j->d;
  const bt_finish finish = {.store = d->store, .start = j->weights->start,
                            .scale = j->weights->scale, .zero = d->zero, .lo = d->q_lo,
                            .hi = d->q_hi,
                            .y = j->y + (size_t)(pixel * d->pitch) * bt_store_bytes(d->store),
                            .y_stride = d->pitch};
  j->k->dw_s16(&(bt_dw_s16){.pixels = n, .channels = d->channels, .taps = d->taps,
                            .width = d->width, .step = d->step, .at = d->at,
                            .a = (const int16_t* const*)a, .w = j->weights->panels,
                            .finish = finish, .rows = j->k->finish});
}

static void run_pixels(const job* j, int64_t line, int64_t x, int n, const void** a) {
  const bt_depthwise* d = j->d;
  const bt_image* m = j->image;
  const int64_t pixel = line * m->out[2] + x;
  if (d->columns)
    point_columns(m, line, x * m->stride[2] - m->pad[2], (n - 1) * d->step + d->width, d->columns, a);
  else
    for (int i = 0; i < n; ++i) bt_image_taps(m, pixel + i, a + i * d->taps, 1);
  if (d->type == BT_I16)
    run_s16(j, pixel, n, a);
  else if (d->type == BT_I8)
    j->k->dw_s8(&(bt_dw_s8){.pixels = n, .channels = d->channels, .taps = d->taps,
                            .width = d->width, .step = d->step, .at = d->at,
                            .a = (const int8_t* const*)a, .w = j->weights->panels,
                            .c = (int8_t*)j->y + pixel * d->pitch, .c_stride = d->pitch,
                            .scale = j->weights->scale, .zero = d->zero, .lo = d->q_lo,
                            .hi = d->q_hi});
  else
    j->k->dw_f32(&(bt_dw_f32){.pixels = n, .channels = d->channels, .taps = d->taps,
                              .width = d->width, .step = d->step, .at = d->at,
                              .a = (const float* const*)a, .w = j->weights->panels,
                              .c = (float*)(void*)j->y + pixel * d->pitch,
                              .c_stride = d->pitch, .lo = d->lo, .hi = d->hi});
}

static void run_lines(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_depthwise* d = j->d;
  const void** a = (const void**)(j->scratch + (size_t)thread * d->scratch);
  const int64_t width = j->image->out[2];
  for (int64_t line = begin; line < end; ++line)
    for (int64_t x = 0; x < width; x += d->pixels)
      run_pixels(j, line, x, width - x < d->pixels ? (int)(width - x) : d->pixels, a);
}

void bt_depthwise_run(bt_call* c, const bt_depthwise* d, const bt_image* image,
                      const bt_conv_weights* weights, void* y, void* scratch) {
  job j = {.d = d, .image = image, .k = bt_call_kernels(c), .weights = weights, .y = y,
           .scratch = scratch};
  const int64_t work = image->out[2] * d->channels * d->taps;
  bt_parallel(c, d->lines, 100000 / (work + 1) + 1, run_lines, &j);
}
