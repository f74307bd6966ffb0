/* SPDX-License-Identifier: Apache-2.0
   Rows that share one scale. */
#include "ops/shared/scale_rows.h"

#include "ops/shared/requant.h"
#include "runtime/shape.h"

bt_status bt_need_scale_rows(bt_call* c, const bt_tensor* stored, const char* what) {
  BT_TRY(bt_need_scales(c, stored, what));
  const bt_quant* q = stored->quant;
  if (q->axis < 0 ? q->n == 1 : q->axis < stored->rank && stored->dims[q->axis] == q->n)
    return BT_OK;
  char text[BT_SHAPE_TEXT];
  return bt_fail(c, BT_BAD_INPUT, "%s has %d scales along axis %d, which do not fit shape %s", what,
                 q->n, q->axis, bt_shape_text(stored, text));
}

typedef struct job {
  bt_call* c;
  const bt_quant* quant;
  bt_scale_row_fn fn;
  int64_t length; /* of a row; 0: there is one scale, and parts are elements */
} job;

static void run_part(void* arg, int64_t begin, int64_t end, int thread) {
  const job* j = arg;
  const bt_quant* q = j->quant;
  (void)thread;
  if (!j->length) {
    j->fn(j->c, begin, (size_t)(end - begin), q->scale[0], bt_zero_of(q));
    return;
  }
  for (int64_t row = begin; row < end; ++row) {
    const int64_t k = row % q->n;
    j->fn(j->c, row * j->length, (size_t)j->length, q->scale[k], q->zero ? q->zero[k] : 0);
  }
}

void bt_scale_rows(bt_call* c, const bt_tensor* stored, bt_scale_row_fn fn) {
  const bt_quant* q = stored->quant;
  const int64_t n = bt_count(stored);
  job j = {.c = c, .quant = q, .fn = fn};
  if (n == 0) return;
  if (q->axis < 0) {
    bt_parallel(c, n, 16384, run_part, &j);
    return;
  }
  j.length = bt_extent(stored, q->axis + 1, stored->rank);
  bt_parallel(c, n / j.length, 16384 / j.length + 1, run_part, &j);
}
