/* SPDX-License-Identifier: Apache-2.0
   Depthwise convolution: drives the kernels line by line over a channels-last image. */
#ifndef BANTAM_OPS_SHARED_DEPTHWISE_H_
#define BANTAM_OPS_SHARED_DEPTHWISE_H_
#include "ops/shared/conv_weights.h"
#include "ops/shared/image.h"

typedef struct bt_depthwise {
  bt_dtype type; /* of the operand: f32, i8, or i16 (bt_dw_s16) */
  int channels, taps, width, step;
  int pixels;     /* of one kernel call, at most */
  int columns;    /* pointers of one row of the window; 0: every pixel has pointers of its own */
  int64_t lines;  /* of output pixels */
  int64_t pitch;  /* elements from one output pixel to the next */
  int32_t* at;    /* see bt_dw_f32 */
  float lo, hi;
  int32_t zero, q_lo, q_hi;
  bt_store store; /* i16 */
  size_t scratch; /* of one thread */
} bt_depthwise;

/* Fills what the geometry decides; the limits are the caller's. */
bt_status bt_depthwise_prepare(bt_call* c, const bt_image* image, int64_t images, int channels,
                               bt_depthwise* d);
/* `scratch` has d->scratch bytes for each thread. */
void bt_depthwise_run(bt_call* c, const bt_depthwise* d, const bt_image* image,
                      const bt_conv_weights* weights, void* y, void* scratch);

#endif
