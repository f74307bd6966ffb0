/* SPDX-License-Identifier: Apache-2.0
   NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: minus the logarithm of the probability of
   the right class, weighted by class. Inputs: X [N,C,...], the classes [N,...], optionally
   weights [C]. Elements of the class ignore_index count nothing. The mean divides by the sum of
   weights. */
#ifndef BANTAM_OPS_SHARED_LOSS_H_
#define BANTAM_OPS_SHARED_LOSS_H_
#include "runtime/op.h"

enum { BT_LOSS_IGNORE, BT_LOSS_REDUCTION };
#define BT_LOSS_ATTRS                                               \
  {.name = "ignore_index", .kind = BT_INT, .i = BT_LOSS_NO_INDEX},  \
  {.name = "reduction", .kind = BT_ENUM, .words = "mean|none|sum"}
#define BT_LOSS_NO_INDEX INT64_MIN /* no class: nothing is ignored */

bt_status bt_loss_infer(bt_call* c);
/* The loss of logarithms of probabilities, which have the shape of input 0, into output 0. */
bt_status bt_loss_run(bt_call* c, const bt_tensor* log_prob);

#endif
