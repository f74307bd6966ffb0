/* SPDX-License-Identifier: Apache-2.0
   What ScatterElements and ScatterND do with an element and its update. */
#ifndef BANTAM_OPS_SHARED_SCATTER_H_
#define BANTAM_OPS_SHARED_SCATTER_H_
#include "ops/shared/elementwise.h"

#define BT_REDUCTION_WORDS "none|add|mul|max|min"
typedef enum bt_reduction {
  BT_REPLACE = 0,
  BT_REDUCE_ADD,
  BT_REDUCE_MUL,
  BT_REDUCE_MAX,
  BT_REDUCE_MIN
} bt_reduction;

/* Types of inputs 0 (data) and 2 (updates), of which output 0 has the type; sets it to the data's
   shape. */
bt_status bt_scatter_infer(bt_call* c, bt_reduction reduction);
/* y[i] = y[i] op x[i], as bt_row2_fn(k, y, x, y, ...), for numbers; NULL for BT_REPLACE. */
bt_row2_fn bt_reduction_row(bt_reduction reduction, bt_dtype dtype);

#endif
