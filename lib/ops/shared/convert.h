/* SPDX-License-Identifier: Apache-2.0
   Conversion of tensors from one element type to another, as ONNX's Cast defines it:
   - float to float: one rounding, half to even; infinity where the type has it and x is too large.
     The four 8-bit floats with a sign take their largest number instead where `saturate` is set.
     f4e2m1 always does.
   - float to integer: truncated towards 0. ONNX leaves what does not fit undefined; here it becomes
     the nearest number of the type, and NaN becomes 0.
   - integer to integer: the low bits.
   - to bool: 0 is false, everything else (NaN, too) is true.
   - to f8e8m0, which holds powers of two from 2^-127 to 2^127: rounded as `round` says. What is out
     of range, and 0 and inf, becomes the nearest power with `saturate` and NaN without. Negative
     numbers become NaN. */
#ifndef BANTAM_OPS_SHARED_CONVERT_H_
#define BANTAM_OPS_SHARED_CONVERT_H_
#include "runtime/op.h"

typedef enum bt_round_mode { BT_ROUND_UP = 0, BT_ROUND_DOWN, BT_ROUND_NEAREST } bt_round_mode;

/* y = x, any types of BT_TYPES_ANY, the same shape. y may lie where x does if elements have the
   same size. */
void bt_convert(bt_call* c, const bt_tensor* x, bt_tensor* y, int saturate, bt_round_mode round);

/* The attributes that Cast and CastLike share, in this order. */
enum { BT_CAST_ROUND, BT_CAST_SATURATE };
#define BT_CAST_ATTRS                                                                \
  {.name = "round_mode", .kind = BT_ENUM, .words = "up|down|nearest"},               \
  {.name = "saturate", .kind = BT_INT, .i = 1}
/* Output 0 is input 0 in another type. */
bt_status bt_cast_infer(bt_call* c, bt_dtype to);
bt_status bt_cast_run(bt_call* c);

#endif
