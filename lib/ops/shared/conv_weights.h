/* SPDX-License-Identifier: Apache-2.0
   Packing of convolution weights: from [O][C/g][kernel...] (layout first) or [O][kernel...][C/g]
   (last) to the panels of the product kernels, or to the blocks of the depthwise kernels. */
#ifndef BANTAM_OPS_SHARED_CONV_WEIGHTS_H_
#define BANTAM_OPS_SHARED_CONV_WEIGHTS_H_
#include "runtime/op.h"

typedef struct bt_conv_weights {
  const void* panels;
  size_t panel_bytes, group_bytes;
  const float* scale; /* i8: factors from int32 sums to output steps, padded to whole panels */
  const double* start; /* beside 16-bit values: what sums start from (kernels.h, bt_finish), or NULL */
  int planes; /* of a 16-bit X: 1, it is read as words, or 2 */
  size_t scale_step;  /* entries of scale and start per group */
} bt_conv_weights;

/* One weight per channel and tap: as many groups as input and output channels. */
int bt_conv_is_depthwise(const bt_call* c, int group, int last);
/* For pixels of fewer bytes than this the product takes the pixels under a row of the window as one
   long tap in place of several short ones; the packing follows. Where a dilation spreads those pixels
   (`spread` below), they would have to be gathered under every output: they stay short taps. */
#define BT_PATCH_BYTES 64
static inline int bt_conv_takes_rows(size_t pixel_bytes, int spread) {
  return !spread && pixel_bytes < BT_PATCH_BYTES;
}

/* The `load` of Conv: packs where weight and bias are constant. Input 0 is X, 1 is W, 2 the bias. */
bt_status bt_conv_load(bt_call* c, int group, int last, int spread);
/* The same in every run, for weights that are computed; they read a 16-bit X in two planes. */
size_t bt_conv_pack_bytes(bt_call* c, int group, int last, int spread);
void bt_conv_pack(bt_call* c, int group, int last, int spread, void* room, bt_conv_weights* out);

#endif
