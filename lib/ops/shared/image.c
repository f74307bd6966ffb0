/* SPDX-License-Identifier: Apache-2.0
   Pixels of channels-last images as operands of the product kernels. */
#include "ops/shared/image.h"

#include <string.h>

void bt_image_from_window(bt_image* image, const bt_window* w) {
  const int lead = 3 - w->n;
  for (int d = 0; d < 3; ++d) {
    const int s = d - lead;
    image->kernel[d] = s < 0 ? 1 : w->kernel[s];
    image->stride[d] = s < 0 ? 1 : w->stride[s];
    image->dilation[d] = s < 0 ? 1 : w->dilation[s];
    image->pad[d] = s < 0 ? 0 : w->pad[s];
    image->in[d] = s < 0 ? 1 : w->in[s];
    image->out[d] = s < 0 ? 1 : w->out[s];
  }
}

void bt_image_taps(const bt_image* m, int64_t row, const void** a, int step) {
  const int64_t ox = row % m->out[2], oy = row / m->out[2] % m->out[1];
  const int64_t oz = row / m->out[2] / m->out[1] % m->out[0];
  const int64_t image = row / m->out[2] / m->out[1] / m->out[0];
  const unsigned char* x = m->x + image * m->in[0] * m->in[1] * m->in[2] * m->pixel_bytes;
  const int64_t x0 = ox * m->stride[2] - m->pad[2];
  for (int64_t kz = 0; kz < m->kernel[0]; ++kz) {
    const int64_t iz = oz * m->stride[0] - m->pad[0] + kz * m->dilation[0];
    for (int64_t ky = 0; ky < m->kernel[1]; ++ky) {
      const int64_t iy = oy * m->stride[1] - m->pad[1] + ky * m->dilation[1];
      const int inside = iz >= 0 && iz < m->in[0] && iy >= 0 && iy < m->in[1];
      const unsigned char* line = x + (iz * m->in[1] + iy) * m->in[2] * m->pixel_bytes;
      for (int64_t kx = 0; kx < m->kernel[2]; ++kx, a += step) {
        const int64_t ix = x0 + kx * m->dilation[2];
        *a = inside && ix >= 0 && ix < m->in[2] ? line + ix * m->pixel_bytes : m->zero;
      }
    }
  }
}

void bt_image_rows(const bt_product* p, int64_t first, int count, int mr, void* room,
                   const void** a) {
  (void)room;
  const bt_image* m = p->self;
  for (int r = 0; r < mr; ++r) bt_image_taps(m, first + (r < count ? r : count - 1), a + r, mr);
}

void bt_image_patches(const bt_product* p, int64_t first, int count, int mr, void* room,
                      const void** a) {
  const bt_image* m = p->self;
  const int64_t taps = m->kernel[0] * m->kernel[1] * m->kernel[2];
  const size_t run = (size_t)m->run_bytes;
  unsigned char* to = room;
  /* pointers first: they are few, and the copies below then run without branches */
  const void** from = (const void**)(to + (size_t)mr * (size_t)taps * run);
  from = (const void**)(((uintptr_t)from + 63) / 64 * 64);
  for (int r = 0; r < mr; ++r) {
    a[r] = to;
    if (r >= count) {
      a[r] = a[count - 1];
      continue;
    }
    bt_image_taps(m, first + r, from, 1);
    for (int64_t t = 0; t < taps; ++t, to += run) memcpy(to, from[t], run);
  }
}

/* ---- layouts ---- */

#define SIDE 16 /* a square of 16 x 16 elements stays in the first-level cache */

typedef struct transposition {
  const unsigned char* x;
  unsigned char* y;
  int64_t rows, cols; /* of x; y has them swapped */
  size_t element;
} transposition;

#define TRANSPOSE(type)                                                             \
  for (int64_t i = r; i < r_end; ++i)                                               \
    for (int64_t j = q; j < q_end; ++j)                                             \
      ((type*)to)[j * t->rows + i] = ((const type*)from)[i * t->cols + j];

/* Parts are strips of SIDE columns of x, over all images. */
static void transpose_part(void* arg, int64_t begin, int64_t end, int thread) {
  const transposition* t = arg;
  (void)thread;
  const int64_t strips = (t->cols + SIDE - 1) / SIDE;
  for (int64_t s = begin; s < end; ++s) {
    const size_t image = (size_t)(s / strips * t->rows * t->cols) * t->element;
    const unsigned char* from = t->x + image;
    unsigned char* to = t->y + image;
    const int64_t q = s % strips * SIDE, q_end = q + SIDE < t->cols ? q + SIDE : t->cols;
    for (int64_t r = 0; r < t->rows; r += SIDE) {
      const int64_t r_end = r + SIDE < t->rows ? r + SIDE : t->rows;
      switch (t->element) {
        case 1: TRANSPOSE(uint8_t) break;
        case 2: TRANSPOSE(uint16_t) break;
        case 4: TRANSPOSE(uint32_t) break;
        default: TRANSPOSE(uint64_t) break;
      }
    }
  }
}

static void transpose(bt_call* c, const void* x, void* y, int64_t n, int64_t rows, int64_t cols,
                      size_t element) {
  if (rows == 1 || cols == 1) {
    memcpy(y, x, (size_t)(n * rows * cols) * element);
    return;
  }
  transposition t = {.x = x, .y = y, .rows = rows, .cols = cols, .element = element};
  bt_parallel(c, n * ((cols + SIDE - 1) / SIDE), 1 + 4096 / rows, transpose_part, &t);
}

void bt_channels_last(bt_call* c, const void* x, void* y, int64_t n, int64_t channels,
                      int64_t positions, size_t element) {
  transpose(c, x, y, n, channels, positions, element);
}
void bt_channels_first(bt_call* c, const void* x, void* y, int64_t n, int64_t channels,
                       int64_t positions, size_t element) {
  transpose(c, x, y, n, positions, channels, element);
}
