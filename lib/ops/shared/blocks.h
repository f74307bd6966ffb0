/* SPDX-License-Identifier: Apache-2.0
   DepthToSpace and its inverse: squares of pixels (the large image) against groups of channels of
   one pixel (the deep image). */
#ifndef BANTAM_OPS_SHARED_BLOCKS_H_
#define BANTAM_OPS_SHARED_BLOCKS_H_
#include "runtime/op.h"

typedef struct bt_blocks_shape {
  int last;      /* channels are the last axis, not axis 1 */
  int crd;       /* channel = (c * b + row) * b + col; else channel = (row * b + col) * C + c */
  int64_t block; /* b */
} bt_blocks_shape;

/* Checks that input 0 is an image and that `block` is positive. dims: batch, channels, height and
   width, -1 where unknown. */
bt_status bt_blocks_input(bt_call* call, const bt_blocks_shape* s, int64_t dims[4]);
/* Gives output 0 such lengths. */
void bt_blocks_output(bt_call* call, const bt_blocks_shape* s, const int64_t dims[4]);
/* Moves input 0 to output 0; `to_space`: the output is the large image. */
void bt_blocks_move(bt_call* call, const bt_blocks_shape* s, int to_space);

#endif
