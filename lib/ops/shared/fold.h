/* SPDX-License-Identifier: Apache-2.0
   Folding of the elements of a few outputs; internal to the frame of reductions (reduce.h). */
#ifndef BANTAM_OPS_SHARED_FOLD_H_
#define BANTAM_OPS_SHARED_FOLD_H_
#include "kernels/kernels.h"
#include "ops/shared/reduce.h"
#include "runtime/shape.h"

#define BT_FOLD_COLUMNS 512

typedef struct bt_fold_job {
  const bt_tensor* x;
  bt_tensor* y;
  const bt_reduction* r;
  const bt_kernels* k;
  int64_t count;  /* elements of one output */
  bt_walk inside; /* over them */
  int columns;    /* neighbouring outputs are folded together: their elements are neighbours, too */
} bt_fold_job;

/* Outputs [o, o + n); the elements of the first one begin at `base`, those of the next one element
   later. n <= BT_FOLD_COLUMNS, and 1 where not `columns`. `inside` is the caller's copy of the
   walk, which stands at its beginning, and does so again afterwards. */
typedef void (*bt_fold_fn)(const bt_fold_job* j, bt_walk* inside, int64_t base, int64_t o, int n);
/* The function for the types of the call and the way of folding. */
bt_fold_fn bt_fold_for(const bt_fold_job* j);

#endif
