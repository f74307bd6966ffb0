// SPDX-License-Identifier: Apache-2.0
// The sliding window of a convolution or a pooling operator, in numbers: shapes are known here, so that nothing
// is left to rules of rounding.
#pragma once

#include <vector>

#include "formats/coreml/emitter.h"

namespace bantam::coreml {

struct Window {
  // `kernel`: its lengths. Padding follows from pads, auto_pad, and the lengths that come out.
  Window(const Node& node, const Shape& in, std::vector<int64_t> kernel, const Shape& out);
  // Rows beyond `pads` at the end that only rounding up reaches (ceil_mode).
  bool rounds_up() const { return rounds_up_; }
  void add_padding(Emitter& e, Inputs& inputs) const;

  std::vector<int64_t> kernel, strides, dilations;
  std::vector<int64_t> pads;  // begin and end of the first axis, of the second, ...

 private:
  bool rounds_up_ = false;
};

}  // namespace bantam::coreml
