// SPDX-License-Identifier: Apache-2.0
#include "learn/parameter.h"

#include <cmath>

namespace bantam {

void Adam::move(std::span<float> values, std::span<const float> gradient, double rate) {
  constexpr float kMean = 0.9f, kSquare = 0.999f;
  mean_weight_ *= static_cast<double>(kMean);
  square_weight_ *= static_cast<double>(kSquare);
  const auto mean_factor = static_cast<float>(rate / (1 - mean_weight_));
  const auto square_factor = static_cast<float>(1 / (1 - square_weight_));
  for (size_t i = 0; i < values.size(); ++i) {
    const float g = gradient[i];
    mean_[i] = kMean * mean_[i] + (1 - kMean) * g;
    square_[i] = kSquare * square_[i] + (1 - kSquare) * g * g;
    values[i] -= mean_factor * mean_[i] / (std::sqrt(square_[i] * square_factor) + 1e-12f);
  }
}

FreeParameter::FreeParameter(Value* constant, double unit)
    : Parameter(constant), unit_(unit), adam_(static_cast<size_t>(constant->constant->count())) {
  const auto floats = constant->constant->floats();
  values_.assign(floats.begin(), floats.end());
}

void FreeParameter::move(std::span<const float> gradient, const LearningStep& at) {
  adam_.move(values_, gradient, 0.1 * at.falling_rate() * unit_);
}

}  // namespace bantam
