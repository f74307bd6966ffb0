// SPDX-License-Identifier: Apache-2.0
// Scales of weights: symmetric, one per channel or one in all.
#pragma once

#include "ir/quant.h"

namespace bantam {

struct WeightScaleOptions {
  int bits = 8;             // 2..16; more than 8 only for weights that are stored and computed in float
  bool per_channel = true;
  bool exact_in_f16 = false;  // scales are powers of two: so f16 holds what up to 12 bits hold
  bool by_error = false;    // smallest squared error rather than the largest weight; decisive below 6 bits
};

// `axis` is the channel axis. All channels get a positive scale; a channel of zeros gets the smallest
// useful one. Scales have 8 significant bits (they are stored in two bytes), rounded up, so that no weight
// is clipped by that rounding.
Quant weight_quant(const Tensor& weight, int axis, const WeightScaleOptions& options);

// The next float upwards whose lower 16 bits are zero.
float round_up_to_bf16(float v);

}  // namespace bantam
