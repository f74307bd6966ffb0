// SPDX-License-Identifier: Apache-2.0
// Weights on their way to integers. They begin as they are, and more and more of them become whole,
// those first that lie nearest to an integer; the others go on learning and make up for it. (Zhou
// et al., "Incremental Network Quantization", 2017, take the largest weights first, and labels.)
#pragma once

#include "learn/parameter.h"

namespace bantam {

class SoftRounding : public Parameter {
 public:
  // `exact`: the weights before anything rounded them, which it stays within a step of. It starts
  // between the integers that the constant holds (`lean` 0) and the exact weights (1). `quant` is
  // symmetric; its scales are learned as well where that is asked for.
  SoftRounding(Value* weight, const Tensor& exact, const Quant& quant, double lean, bool scales);
  Tensor now() const override { return weights(steps_); }
  Tensor done() const override;
  std::shared_ptr<const Quant> quant() const override {
    return std::make_shared<const Quant>(quant_);
  }
  void move(std::span<const float> gradient, const LearningStep& at) override;

 private:
  size_t channel(size_t i) const { return channel_(static_cast<int64_t>(i)); }
  float scale_of(size_t i) const { return quant_.scale[channel(i)]; }
  void move_scales(std::span<const float> gradient, const LearningStep& at);
  Tensor weights(std::span<const float> steps) const;
  void settle(size_t wanted);

  Quant quant_;
  ChannelIndex channel_;
  std::vector<float> steps_, lo_, hi_;  // weights over scales, and how far they may go
  std::vector<uint32_t> free_;          // those that are not whole yet
  Adam adam_, scale_adam_;
  std::vector<float>
      stretch_;  // of each scale, what it is now over what it was; empty: scales stay
  std::vector<float> first_scale_;
};

}  // namespace bantam
