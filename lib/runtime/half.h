/* SPDX-License-Identifier: Apache-2.0
   Operators with the flag BT_OP_HALF know f32 only; the executor widens their f16 and bf16 operands
   and rounds the results once. The same serves operators other than products between values that are
   quantized in 16 bits: they meet the reals that the integers stand for, and the results are
   quantized. */
#ifndef BANTAM_RUNTIME_HALF_H_
#define BANTAM_RUNTIME_HALF_H_
#include "runtime/frame.h"

#ifdef __cplusplus
extern "C" {
#endif

/* op->infer on the reals of stored operands, where bt_needs_reals. */
bt_status bt_infer_reals(bt_call* c);
/* op->load on widened constants. */
bt_status bt_half_load(bt_call* c);
/* op->prepare on widened operands; adds room for them to the scratch. */
bt_status bt_half_prepare(bt_call* c, bt_step* s);
bt_status bt_half_run(bt_call* c, bt_step* s);

#ifdef __cplusplus
}
#endif
#endif
