/* SPDX-License-Identifier: Apache-2.0
   Sliding windows: the attributes that convolution and pooling share, their checks, and the output
   lengths. Up to three spatial dimensions. */
#ifndef BANTAM_OPS_SHARED_WINDOW_H_
#define BANTAM_OPS_SHARED_WINDOW_H_
#include "runtime/op.h"

#define BT_SPATIAL_MAX 3

typedef enum bt_auto_pad { BT_PAD_EXPLICIT = 0, BT_PAD_SAME_UPPER, BT_PAD_SAME_LOWER, BT_PAD_VALID } bt_auto_pad;
#define BT_AUTO_PAD_WORDS "NOTSET|SAME_UPPER|SAME_LOWER|VALID"
/* Where the channel axis of images is: 1 (as in ONNX), or last (as the kernels want it). */
#define BT_LAYOUT_WORDS "first|last"

typedef struct bt_window {
  int n;            /* spatial dimensions */
  int first;        /* axis of the first one: 2 with channels first, else 1 */
  int channel_axis; /* 1, or rank - 1 */
  int64_t kernel[BT_SPATIAL_MAX], stride[BT_SPATIAL_MAX], dilation[BT_SPATIAL_MAX];
  int64_t pad[BT_SPATIAL_MAX], pad_end[BT_SPATIAL_MAX];
  int64_t in[BT_SPATIAL_MAX], out[BT_SPATIAL_MAX]; /* -1: unknown */
} bt_window;

/* Attributes by position in op->attrs; -1 where an operator has none. */
typedef struct bt_window_attrs {
  int kernel, strides, dilations, pads, auto_pad, ceil_mode, layout;
} bt_window_attrs;

/* Reads and checks everything; `kernel` overrides the attribute where it is not NULL (the weight's
   spatial lengths). Input 0 must have a known rank. */
bt_status bt_window_read(bt_call* c, const bt_window_attrs* at, const int64_t* kernel, bt_window* w);
/* The same without output lengths (w->out is unknown) and without the padding of auto_pad. */
bt_status bt_window_attributes(bt_call* c, const bt_window_attrs* at, const int64_t* kernel,
                               bt_window* w);
/* Sets output 0 to batch x channels x spatial, in the layout of the window. */
void bt_window_output(bt_call* c, const bt_window* w, bt_dtype dtype, int64_t channels);
/* Product of kernel lengths, and of output lengths. */
int64_t bt_window_taps(const bt_window* w);
int64_t bt_window_positions(const bt_window* w);
int bt_window_is_pointwise(const bt_window* w); /* 1x1, stride 1, no padding */

#endif
