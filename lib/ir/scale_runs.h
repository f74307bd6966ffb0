// SPDX-License-Identifier: Apache-2.0
// Loops over many elements that are quantized, without a division for each one's channel and without a call
// for each one's rounding.
#pragma once

#include "ir/quant.h"

namespace bantam {

// The nearest whole number (halves to even) of one below 2^22: the sum has no room for fractions.
inline float round_small(float v) {
  constexpr float kNoFractions = 12582912.0f;  // 1.5 * 2^23
  return (v + kNoFractions) - kNoFractions;
}

// Calls run(begin, end, channel) for runs of elements that share a scale, in order.
template <typename Run>
void each_scale_run(const Tensor& t, const Quant& quant, Run run) {
  const auto count = static_cast<size_t>(t.count());
  size_t channels = 1, length = count;
  if (quant.axis >= 0 && quant.scale.size() > 1) {
    length = 1;
    channels = static_cast<size_t>(t.shape()[static_cast<size_t>(quant.axis)]);
    for (size_t d = static_cast<size_t>(quant.axis) + 1; d < t.shape().size(); ++d) length *= static_cast<size_t>(t.shape()[d]);
  }
  size_t c = 0;
  for (size_t begin = 0; begin < count; begin += length) {
    run(begin, begin + length, c);
    if (++c == channels) c = 0;
  }
}

}  // namespace bantam
