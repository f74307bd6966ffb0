/* SPDX-License-Identifier: Apache-2.0
   Rows of a quantized tensor that share one scale: what Quantize and Dequantize work on. */
#ifndef BANTAM_OPS_SHARED_SCALE_ROWS_H_
#define BANTAM_OPS_SHARED_SCALE_ROWS_H_
#include "runtime/op.h"

/* Elements [at, at + n) have this scale and zero point. */
typedef void (*bt_scale_row_fn)(bt_call* c, int64_t at, size_t n, float scale, int32_t zero);

/* Calls fn for all elements of `stored`, an i8 or i16 tensor with a quant, in parallel. */
void bt_scale_rows(bt_call* c, const bt_tensor* stored, bt_scale_row_fn fn);
/* For prepare: scales and zero points are ones of its type, and as many as the axis has indices. `what`
   names the operand. */
bt_status bt_need_scale_rows(bt_call* c, const bt_tensor* stored, const char* what);

#endif
