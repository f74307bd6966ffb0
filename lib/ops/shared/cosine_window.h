/* SPDX-License-Identifier: Apache-2.0
   Windows that are sums of cosines: HannWindow, HammingWindow, BlackmanWindow.
     y[k] = a0 - a1 cos(2 pi k / N) + a2 cos(4 pi k / N)
   N is the size, or one less with periodic=0. A symmetric window of one element is 1. */
#ifndef BANTAM_OPS_SHARED_COSINE_WINDOW_H_
#define BANTAM_OPS_SHARED_COSINE_WINDOW_H_
#include "runtime/op.h"

#define BT_COSINE_WINDOW_ATTRS                                     \
  {.name = "output_datatype", .kind = BT_INT, .i = BT_F32},        \
  {.name = "periodic", .kind = BT_INT, .i = 1}
#define BT_COSINE_WINDOW_FIELDS                                               \
  .attrs = attrs, .in_min = 1, .in_max = 1, .out_min = 1, .out_max = 1,       \
  .flags = BT_OP_EXTRA, .infer = bt_cosine_window_infer

bt_status bt_cosine_window_infer(bt_call* c);
bt_status bt_cosine_window(bt_call* c, double a0, double a1, double a2);

/* The attribute output_datatype of signal operators: a type of numbers. */
bt_status bt_need_number_type(bt_call* c, int64_t type);

#endif
