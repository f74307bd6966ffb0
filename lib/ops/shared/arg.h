/* SPDX-License-Identifier: Apache-2.0
   Where along an axis the largest or smallest element is: ArgMax, ArgMin, Hardmax. Of equal
   elements the first counts, or the last; NaN counts as the largest and as the smallest. */
#ifndef BANTAM_OPS_SHARED_ARG_H_
#define BANTAM_OPS_SHARED_ARG_H_
#include "ops/shared/axis.h"

enum { BT_ARG_AXIS, BT_ARG_KEEPDIMS, BT_ARG_LAST };
#define BT_ARG_ATTRS                                  \
  {.name = "axis", .kind = BT_INT},                   \
  {.name = "keepdims", .kind = BT_INT, .i = 1},       \
  {.name = "select_last_index", .kind = BT_INT}

bt_status bt_arg_infer(bt_call* c);
bt_status bt_arg_run(bt_call* c, int largest);

/* The place among n > 0 elements of x, the first one at `at`, the others `step` apart. */
typedef int64_t (*bt_arg_fn)(const void* x, int64_t at, int64_t n, int64_t step, int largest,
                             int last);
bt_arg_fn bt_arg_for(bt_dtype dtype);

#endif
