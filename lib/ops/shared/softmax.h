/* SPDX-License-Identifier: Apache-2.0
   Softmax and its logarithm along one axis. */
#ifndef BANTAM_OPS_SHARED_SOFTMAX_H_
#define BANTAM_OPS_SHARED_SOFTMAX_H_
#include "kernels/kernels.h"
#include "ops/shared/axis.h"

/* y = softmax(x), or its logarithm; f32 or f64. */
void bt_softmax(bt_call* c, const bt_tensor* x, bt_tensor* y, bt_axis axis, int logarithm);
/* One contiguous row of floats; y may be x only without the logarithm. */
void bt_softmax_row(const bt_kernels* k, const float* x, float* y, size_t n, int logarithm);

#endif
