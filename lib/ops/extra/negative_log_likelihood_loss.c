/* SPDX-License-Identifier: Apache-2.0
   NegativeLogLikelihoodLoss: minus the input at the right class; the input holds logarithms. */
#include "ops/shared/loss.h"

static const bt_attr_spec attrs[] = {BT_LOSS_ATTRS, {0}};

static bt_status run(bt_call* c) { return bt_loss_run(c, c->in[0]); }

const bt_op bt_op_negative_log_likelihood_loss = {
    .name = "NegativeLogLikelihoodLoss", .summary = "Minus the logarithm at the right class.",
    .attrs = attrs, .in_min = 2, .in_max = 3, .out_min = 1, .out_max = 1,
    .flags = BT_OP_HALF | BT_OP_EXTRA, .infer = bt_loss_infer, .run = run};
