// SPDX-License-Identifier: Apache-2.0
#include "learn/soft_rounding.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace bantam {
namespace {

constexpr double kFirst = 0.05,
                 kLast = 0.95;  // shares of the steps between which weights become whole

// Positive, and far from overflow.
float nearest_bf16(float v) {
  return std::bit_cast<float>((std::bit_cast<uint32_t>(v) + 0x8000u) & 0xffff0000u);
}

float distance(float v) { return std::abs(v - std::rint(v)); }

}  // namespace

SoftRounding::SoftRounding(Value* weight, const Tensor& exact, const Quant& quant, double lean,
                           bool scales)
    : Parameter(weight),
      quant_(quant),
      channel_(exact.shape(), quant),
      adam_(static_cast<size_t>(exact.count())),
      scale_adam_(quant.scale.size()),
      stretch_(scales ? quant.scale.size() : 0, 1.0f),
      first_scale_(quant.scale) {
  const auto w = exact.floats(), held = weight->constant->floats();
  const auto lo = static_cast<float>(quant.lo()), hi = static_cast<float>(quant.hi());
  for (size_t i = 0; i < w.size(); ++i) {
    const float at = std::clamp(w[i] / scale_of(i), lo, hi);
    const float code = std::clamp(std::rint(held[i] / scale_of(i)), lo, hi);
    steps_.push_back(code + static_cast<float>(lean) * (at - code));
    lo_.push_back(std::max(lo, std::min(at - 1, code)));
    hi_.push_back(std::min(hi, std::max(at + 1, code)));
  }
  free_.resize(w.size());
  std::iota(free_.begin(), free_.end(), 0u);
}

Tensor SoftRounding::weights(std::span<const float> steps) const {
  std::vector<float> w(steps.size());
  for (size_t i = 0; i < w.size(); ++i)
    w[i] = (steps[i] + 0.0f) * scale_of(i);  // no -0: stored ones have none
  return Tensor::of_floats(*value->shape, w);
}

Tensor SoftRounding::done() const {
  std::vector<float> whole(steps_.size());
  for (size_t i = 0; i < whole.size(); ++i) whole[i] = std::rint(steps_[i]);
  return weights(whole);
}

// Makes weights whole until `wanted` of them are.
void SoftRounding::settle(size_t wanted) {
  const size_t settled = steps_.size() - free_.size();
  if (wanted <= settled) return;
  const auto middle = free_.begin() + static_cast<ptrdiff_t>(wanted - settled);
  const auto nearer = [&](uint32_t a, uint32_t b) {
    const float da = distance(steps_[a]), db = distance(steps_[b]);
    return da != db ? da < db : a < b;
  };
  std::nth_element(free_.begin(), middle, free_.end(), nearer);
  for (auto it = free_.begin(); it != middle; ++it) steps_[*it] = std::rint(steps_[*it]);
  free_.erase(free_.begin(), middle);
  std::sort(free_.begin(), free_.end());
}

// A scale has 8 significant bits (quant/weight_scale.h); the gradient is passed through that
// rounding.
void SoftRounding::move_scales(std::span<const float> gradient, const LearningStep& at) {
  std::vector<float> by(stretch_.size());
  for (size_t i = 0; i < steps_.size(); ++i)
    by[channel(i)] += gradient[i] * steps_[i] * first_scale_[channel(i)];
  scale_adam_.move(stretch_, by, 0.1 * at.falling_rate());
  for (size_t c = 0; c < stretch_.size(); ++c) {
    stretch_[c] = std::clamp(stretch_[c], 0.5f, 2.0f);
    quant_.scale[c] = nearest_bf16(first_scale_[c] * stretch_[c]);
  }
}

void SoftRounding::move(std::span<const float> gradient, const LearningStep& at) {
  std::vector<float> by(gradient.begin(), gradient.end());
  for (size_t i = 0; i < by.size(); ++i) by[i] *= scale_of(i);
  std::vector<float> moved = steps_;
  adam_.move(moved, by, at.rate);
  for (const uint32_t i : free_) steps_[i] = std::clamp(moved[i], lo_[i], hi_[i]);
  if (!stretch_.empty()) move_scales(gradient, at);
  const double done = static_cast<double>(at.step + 1) / at.steps;
  const double share = std::clamp((done - kFirst) / (kLast - kFirst), 0.0, 1.0);
  settle(static_cast<size_t>(share * static_cast<double>(steps_.size())));
}

}  // namespace bantam
