/* SPDX-License-Identifier: Apache-2.0
   Losses of classification, computed in doubles. */
#include "ops/shared/loss.h"

#include <inttypes.h>

#include "runtime/shape.h"

enum { X, CLASSES, WEIGHTS };
enum { MEAN, NONE, SUM };

bt_status bt_loss_infer(bt_call* c) {
  const bt_tensor *x = c->in[X], *classes = c->in[CLASSES];
  BT_TRY(bt_need_type(c, X, BT_TYPES_FLOAT));
  BT_TRY(bt_need_type(c, CLASSES, BT_TYPES_INDEX));
  BT_TRY(bt_need_same_type(c, X, WEIGHTS));
  BT_TRY(bt_need_rank_between(c, X, 2, BT_MAX_RANK));
  if (c->attr[BT_LOSS_REDUCTION].i == NONE)
    bt_set_shape(c->out[0], x->dtype, classes->rank, classes->dims);
  else
    bt_set_scalar(c->out[0], x->dtype);
  if (!bt_has_rank(x)) return BT_OK;
  BT_TRY(bt_need_rank(c, CLASSES, x->rank - 1));
  BT_TRY(bt_need_vector(c, WEIGHTS, x->dims[1], "the weights"));
  for (int d = 0; d < classes->rank; ++d)
    if (bt_clash(classes->dims[d], x->dims[d ? d + 1 : 0])) {
      char a[BT_SHAPE_TEXT], b[BT_SHAPE_TEXT];
      return bt_fail(c, BT_BAD_INPUT, "classes of shape %s do not fit an input of shape %s",
                     bt_shape_text(classes, a), bt_shape_text(x, b));
    }
  return BT_OK;
}

bt_status bt_loss_run(bt_call* c, const bt_tensor* log_prob) {
  const bt_tensor* classes = c->in[CLASSES];
  const int64_t n = bt_count(classes), kinds = log_prob->dims[1];
  const int64_t plane = bt_extent(log_prob, 2, log_prob->rank);
  const int64_t reduction = c->attr[BT_LOSS_REDUCTION].i;
  double sum = 0.0, weights = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t class = bt_get_int(classes, i);
    double weight = 0.0, loss = 0.0;
    if (class != c->attr[BT_LOSS_IGNORE].i) {
      if (class < 0 || class >= kinds)
        return bt_fail(c, BT_BAD_INPUT, "class %" PRId64 " is not one of 0..%" PRId64, class,
                       kinds - 1);
      weight = bt_given(c, WEIGHTS) ? bt_get(c->in[WEIGHTS], class) : 1.0;
      loss = -bt_get(log_prob, (i / plane * kinds + class) * plane + i % plane) * weight;
    }
    if (reduction == NONE) bt_put(c->out[0], i, loss);
    sum += loss;
    weights += weight;
  }
  if (reduction != NONE) bt_put(c->out[0], 0, reduction == MEAN ? sum / weights : sum);
  return BT_OK;
}
