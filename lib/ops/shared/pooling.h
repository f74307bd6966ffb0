/* SPDX-License-Identifier: Apache-2.0
   Pooling with sliding windows: the frame of MaxPool, AveragePool and LpPool. It visits the output
   positions; an operator file computes all channels of one. Work is done channels-last: in the
   first layout images are transposed around it, as Conv does. */
#ifndef BANTAM_OPS_SHARED_POOLING_H_
#define BANTAM_OPS_SHARED_POOLING_H_
#include "ops/shared/image.h"

/* Attributes that all have, and their places. Own ones of an operator come behind them. */
enum {
  BT_POOL_AUTO_PAD, BT_POOL_CEIL_MODE, BT_POOL_DILATIONS, BT_POOL_KERNEL, BT_POOL_LAYOUT,
  BT_POOL_PADS, BT_POOL_STRIDES, BT_POOL_ATTRS
};
#define BT_POOL_ATTR_SPECS                                                     \
  {.name = "auto_pad", .kind = BT_ENUM, .words = BT_AUTO_PAD_WORDS},           \
  {.name = "ceil_mode", .kind = BT_INT},                                       \
  {.name = "dilations", .kind = BT_INTS},                                      \
  {.name = "kernel_shape", .kind = BT_INTS, .required = 1},                    \
  {.name = "layout", .kind = BT_ENUM, .words = BT_LAYOUT_WORDS, .own = 1},     \
  {.name = "pads", .kind = BT_INTS},                                           \
  {.name = "strides", .kind = BT_INTS}

/* The taps of one output position that hit the image. Loop over them with BT_POOL_EACH. */
typedef struct bt_pooling_taps {
  const unsigned char* first; /* pixel under the first of them */
  int64_t n[3], step[3];      /* taps, and bytes between them, along depth, height and width */
  int64_t hit, inside;        /* taps in the image; taps in the image or its padding */
  int64_t pixel[3];           /* where the first one is */
  int64_t number, position;   /* of the image, and of the output in it */
  const bt_image* image;      /* geometry */
} bt_pooling_taps;

/* `pixel` becomes a pointer to T for each tap in turn. */
#define BT_POOL_EACH(T, pixel, taps)                                                           \
  for (int64_t i0_ = 0; i0_ < (taps)->n[0]; ++i0_)                                             \
    for (int64_t i1_ = 0; i1_ < (taps)->n[1]; ++i1_)                                           \
      for (const T* pixel = (const T*)(const void*)((taps)->first + i0_ * (taps)->step[0] +    \
                                                    i1_ * (taps)->step[1]),                    \
                    *const end_ = (const T*)(const void*)((const unsigned char*)pixel +        \
                                                          (taps)->n[2] * (taps)->step[2]);     \
           pixel != end_;                                                                      \
           pixel = (const T*)(const void*)((const unsigned char*)pixel + (taps)->step[2]))

/* Writes the `channels` elements of one output position to y. */
typedef void (*bt_pooling_fn)(const bt_call* c, const bt_pooling_taps* taps, void* y,
                              int64_t channels);

/* Output 0 is what the window makes of input 0. */
bt_status bt_pooling_infer(bt_call* c);
bt_status bt_pooling_prepare(bt_call* c);
bt_status bt_pooling_run(bt_call* c, bt_pooling_fn pixel);
/* The window of the call, for run and prepare. */
bt_status bt_pooling_window(bt_call* c, bt_window* w);

#endif
