/* SPDX-License-Identifier: Apache-2.0
   SoftmaxCrossEntropyLoss: NegativeLogLikelihoodLoss of LogSoftmax over the classes (axis 1), which
   is output 1. */
#include "ops/shared/loss.h"
#include "ops/shared/softmax.h"

static const bt_attr_spec attrs[] = {BT_LOSS_ATTRS, {0}};

static bt_status infer(bt_call* c) {
  BT_TRY(bt_loss_infer(c));
  if (c->n_out > 1) bt_set_like(c->out[1], c->in[0]);
  return BT_OK;
}

static bt_status prepare(bt_call* c) {
  if (!bt_wants(c, 1)) c->scratch_bytes = bt_bytes(c->in[0]);
  return BT_OK;
}

static bt_status run(bt_call* c) {
  const bt_tensor* x = c->in[0];
  bt_tensor log_prob = *x;
  log_prob.data = bt_wants(c, 1) ? c->out[1]->data : c->scratch;
  if (bt_count(x) > 0) bt_softmax(c, x, &log_prob, bt_split_at(x, 1), 1);
  return bt_wants(c, 0) ? bt_loss_run(c, &log_prob) : BT_OK;
}

const bt_op bt_op_softmax_cross_entropy_loss = {
    .name = "SoftmaxCrossEntropyLoss", .summary = "Cross entropy of Softmax and the right class.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 2,
    .flags = BT_OP_HALF | BT_OP_EXTRA, .infer = infer, .prepare = prepare, .run = run};
