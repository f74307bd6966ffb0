/* SPDX-License-Identifier: Apache-2.0
   Operators that move or compare quantized values (Max, Where) work on the stored integers, which
   needs one scale for all. Operands stored otherwise than output 0 are requantized first. */
#ifndef BANTAM_OPS_SHARED_SAME_SCALE_H_
#define BANTAM_OPS_SHARED_SAME_SCALE_H_
#include "runtime/op.h"

/* For prepare: inputs from `first` on are the operands. Asks for scratch and sets c->plan. Does
   nothing where input `first` is not quantized. */
bt_status bt_same_scale_prepare(bt_call* c, int first);
/* For run: the inputs of the call, brought to the output's scale. */
const bt_tensor* const* bt_same_scale_run(bt_call* c);

#endif
