/* SPDX-License-Identifier: Apache-2.0
   Pixels of channels-last images as operands of the product kernels, and the transposition between
   the two layouts. */
#ifndef BANTAM_OPS_SHARED_IMAGE_H_
#define BANTAM_OPS_SHARED_IMAGE_H_
#include "ops/shared/product.h"
#include "ops/shared/window.h"

/* The geometry of a window with exactly three spatial dimensions (leading ones are 1), and where the
   input lies. A tap of an output position either hits an input pixel or lies in the padding. */
typedef struct bt_image {
  int64_t kernel[3], stride[3], dilation[3], pad[3], in[3], out[3];
  int64_t pixel_bytes; /* from one input pixel to the next: all channels */
  int64_t run_bytes;   /* of one pixel that a tap reads: the channels of one group */
  const unsigned char* x;    /* first channel of the group, image 0 */
  const unsigned char* zero; /* run_bytes of padding */
} bt_image;

void bt_image_from_window(bt_image* image, const bt_window* w);
/* Pointers to the pixels under all taps of output position `row` (over all images of a batch),
   `step` apart: a[tap * step]. */
void bt_image_taps(const bt_image* image, int64_t row, const void** a, int step);

/* bt_rows_fn for convolution: p->self is a bt_image. One tap per kernel position; or one per row of
   the kernel, whose pixels are copied together. */
void bt_image_rows(const bt_product* p, int64_t first, int count, int mr, void* room,
                   const void** a);
void bt_image_patches(const bt_product* p, int64_t first, int count, int mr, void* room,
                      const void** a);

/* [n][channels][positions] -> [n][positions][channels] and back, for elements of 1, 2, 4, 8 bytes. */
void bt_channels_last(bt_call* c, const void* x, void* y, int64_t n, int64_t channels,
                      int64_t positions, size_t element);
void bt_channels_first(bt_call* c, const void* x, void* y, int64_t n, int64_t channels,
                       int64_t positions, size_t element);

#endif
