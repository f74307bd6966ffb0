/* SPDX-License-Identifier: Apache-2.0
   A padded copy of one image, out of which a convolution takes its rows with plain arithmetic: no
   tap lies outside, the pixels under a row of the window are one run of memory, and the rows are as
   the kernels want them. Copying an image once is less work than gathering it anew under
   every output pixel. */
#ifndef BANTAM_OPS_SHARED_STAGE_H_
#define BANTAM_OPS_SHARED_STAGE_H_
#include "ops/shared/image.h"

typedef struct bt_stage {
  const bt_image* image;
  int64_t depth, height, width; /* padded lengths, in pixels */
  int64_t channels, line_bytes;
  size_t bytes; /* 0: not used */
  int prepares; /* bytes, by the table's prepare_s8 */
  size_t element; /* bytes of a value of the copy */
  int64_t* offset; /* of each tap */
  unsigned char* room;       /* the copy */
  const unsigned char* from; /* the same, at the first channel of the group */
} bt_stage;

/* Whether the padded copy has about the size of the image, and not much more padding than that. */
int bt_stage_fits(const bt_image* image);
/* `type` is that of the image's values: f32, i8, or i16 for words without a zero point.
   `runs`: one tap for each row of the window (all its pixels together) in place of one for each pixel.
   s->bytes is 0 where such a copy would not do: rows that are spread, or much more padding than
   image. */
bt_status bt_stage_plan(bt_call* c, const bt_image* image, int64_t channels, bt_dtype type,
                        int runs, bt_stage* s);
/* Copies image number i of the batch to `room`. */
void bt_stage_fill(bt_call* c, bt_stage* s, int64_t i, void* room);
/* bt_rows_fn; p->self is a bt_stage. Rows are numbered inside the image. */
void bt_stage_rows(const bt_product* p, int64_t first, int count, int mr, void* room, const void** a);

#endif
