/* SPDX-License-Identifier: Apache-2.0
   Operators that draw random numbers. The bits come from the session's seeded stream, whatever the
   attribute `seed` says, so that the session's seed determines the whole run; numbers are drawn in
   the order of the elements. */
#ifndef BANTAM_OPS_SHARED_RANDOM_H_
#define BANTAM_OPS_SHARED_RANDOM_H_
#include "runtime/op.h"

#define BT_RANDOM_FLAGS (BT_OP_RANDOM | BT_OP_EXTRA)

/* In [0, 1), with 53 bits. */
double bt_random_unit(bt_call* c);

/* Output 0 has the shape of the attribute `shape` (or of input 0, where shape is -1) and the type
   of the attribute `dtype`, which is a float (0: that of input 0). */
bt_status bt_random_infer(bt_call* c, int dtype, int shape);
/* Fills output 0 with low + (high - low) * u. */
bt_status bt_random_uniform(bt_call* c, double low, double high);
/* Fills output 0 with a normal distribution. */
bt_status bt_random_normal(bt_call* c, double mean, double deviation);

#endif
