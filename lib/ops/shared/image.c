/* SPDX-License-Identifier: Apache-2.0
   Pixels of channels-last images as operands of the product kernels. */
#include "ops/shared/image.h"

#include <string.h>

#include "ops/shared/move.h"

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

/* Whether all taps of dimension d lie inside, where the first one is `at`. */
static int is_inside(const bt_image* m, int d, int64_t at) {
  return at >= 0 && at + (m->kernel[d] - 1) * m->dilation[d] < m->in[d];
}

/* Taps of a window that lies inside altogether, from its first pixel on. */
static void inner_taps(const bt_image* m, const unsigned char* first, const void** a, int step) {
  const int64_t line = m->in[2] * m->pixel_bytes, next = m->dilation[2] * m->pixel_bytes;
  for (int64_t kz = 0; kz < m->kernel[0]; ++kz)
    for (int64_t ky = 0; ky < m->kernel[1]; ++ky) {
      const unsigned char* pixel =
          first + (kz * m->dilation[0] * m->in[1] + ky * m->dilation[1]) * line;
      for (int64_t kx = 0; kx < m->kernel[2]; ++kx, a += step, pixel += next) *a = pixel;
    }
}

void bt_image_taps(const bt_image* m, int64_t row, const void** a, int step) {
  const int64_t ox = row % m->out[2], oy = row / m->out[2] % m->out[1];
  const int64_t oz = row / m->out[2] / m->out[1] % m->out[0];
  const int64_t image = row / m->out[2] / m->out[1] / m->out[0];
  const unsigned char* x = m->x + image * m->in[0] * m->in[1] * m->in[2] * m->pixel_bytes;
  const int64_t x0 = ox * m->stride[2] - m->pad[2], y0 = oy * m->stride[1] - m->pad[1];
  const int64_t z0 = oz * m->stride[0] - m->pad[0];
  if (is_inside(m, 0, z0) && is_inside(m, 1, y0) && is_inside(m, 2, x0)) {
    inner_taps(m, x + ((z0 * m->in[1] + y0) * m->in[2] + x0) * m->pixel_bytes, a, step);
    return;
  }
  for (int64_t kz = 0; kz < m->kernel[0]; ++kz) {
    const int64_t iz = z0 + kz * m->dilation[0];
    for (int64_t ky = 0; ky < m->kernel[1]; ++ky) {
      const int64_t iy = y0 + ky * m->dilation[1];
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
  const int64_t width = m->kernel[2];
  const size_t run = (size_t)m->run_bytes;
  unsigned char* to = room;
  /* pointers first: they are few, and the copies below then run without branches */
  const void** from = (const void**)(to + (size_t)mr * (size_t)(p->taps * width) * run);
  from = (const void**)(((uintptr_t)from + 63) / 64 * 64);
  for (int r = 0; r < mr; ++r) {
    if (r < count) bt_image_taps(m, first + r, from, 1);
    for (int tap = 0; tap < p->taps; ++tap) {
      a[tap * mr + r] = r < count ? to : a[tap * mr + count - 1];
      if (r >= count) continue;
      for (int64_t x = 0; x < width; ++x, to += run) memcpy(to, from[tap * width + x], run);
    }
  }
}

/* ---- layouts ---- */

void bt_channels_last(bt_call* c, const void* x, void* y, int64_t n, int64_t channels,
                      int64_t positions, size_t element) {
  const int64_t dims[3] = {n, positions, channels};
  const int64_t from[3] = {channels * positions, 1, positions};
  const int64_t to[3] = {channels * positions, channels, 1};
  bt_move(c, 3, dims, x, from, y, to, element);
}
void bt_channels_first(bt_call* c, const void* x, void* y, int64_t n, int64_t channels,
                       int64_t positions, size_t element) {
  bt_channels_last(c, x, y, n, positions, channels, element);
}
