// SPDX-License-Identifier: Apache-2.0
// A window that slides over images [N,H,W,C]: what convolutions and pools share in their gradients.
#pragma once

#include "grad/tape.h"

namespace bantam {

struct Window {
  int64_t images, channels;
  int64_t in[2], out[2], kernel[2], stride[2], dilation[2], pad[2], pad_end[2];

  // Empty where the node has another rank or layout, or pads more than its window reaches.
  static std::optional<Window> of(const Node& n, std::vector<int64_t> kernel);
  int64_t taps() const { return kernel[0] * kernel[1]; }
  int64_t positions() const { return images * out[0] * out[1]; }
  // What a tap sees at every position: [N,Ho,Wo,C] out of an image that `around` has padded.
  Value* around(Tape& t, Value* x) const;
  Value* tap(Tape& t, Value* padded, int64_t row, int64_t column) const;
  // Sums up at every pixel what the positions that see it hand back: a convolution of d [N,Ho,Wo,O]
  // with the window turned over. `weights` [O,kh,kw,C/group] are those of the forward direction.
  Value* hand_back(Tape& t, Value* d, Value* weights, int64_t group) const;
};

}  // namespace bantam
