// SPDX-License-Identifier: Apache-2.0
// How the reals of a value are stored as integers: real = scale[c] * (q - zero[c]).
//
// A value with a float type and a Quant is *annotated*: it is still computed in float, and the
// executor simulates the rounding. A value with an integer type and a Quant is *lowered*: its
// elements are the q themselves. Constants that are only stored in fewer bits keep their float type
// for ever (the runtime decodes them when it loads the model).
#pragma once

#include <cstdint>
#include <vector>

#include "ir/tensor.h"

namespace bantam {

struct Quant {
  DType storage = BT_I8;       // integer type of the q
  int axis = -1;               // dimension along which scale and zero run; -1: one for all
  std::vector<float> scale;    // positive, finite
  std::vector<int32_t> zero;   // as many as scales, or empty: all 0
  int bits = 8;                // the q lie in [lo(), hi()], which may be less than the type holds
  bool narrow = false;         // symmetric weights leave out the lowest value: [-127, 127]

  int64_t lo() const;
  int64_t hi() const;
  int32_t zero_at(size_t c) const { return zero.empty() ? 0 : zero[c]; }
  bool operator==(const Quant&) const = default;
};

// Which scale belongs to element i of a tensor of this shape.
class ChannelIndex {
 public:
  ChannelIndex(const Shape& shape, const Quant& quant);
  size_t operator()(int64_t i) const {
    return static_cast<size_t>(i / inner_ % channels_);
  }

 private:
  int64_t inner_ = 1, channels_ = 1;
};

// Nearest integers (halves to even), clamped; an i8 (or quant.storage) tensor of the same shape.
// NaN becomes the zero point: callers refuse tensors with NaN by name first.
Tensor encode(const Tensor& reals, const Quant& quant);
// float(q - zero) * scale
Tensor decode(const Tensor& integers, const Quant& quant);

}  // namespace bantam
