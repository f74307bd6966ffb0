// SPDX-License-Identifier: Apache-2.0
// Sliding windows of two-dimensional images, channels last, and the two kinds of padding that the
// format has. VALID pads nothing. SAME gives ceil(length / stride) positions and puts the larger
// half of what it needs at the end; exporters of ONNX mostly write other paddings where the stride
// is above 1.
#pragma once

#include "base/result.h"
#include "ir/graph.h"

namespace bantam {

enum class WindowPadding { valid, same, explicit_zeros, unknown };

struct Window {
  int64_t kernel[2] = {1, 1}, stride[2] = {1, 1}, dilation[2] = {1, 1};
  // Padding that a window really reaches: less than declared where the last window ends early, more
  // with ceil_mode.
  int64_t begin[2] = {0, 0}, end[2] = {0, 0};
  WindowPadding padding = WindowPadding::valid;
};

// Of a Conv, AveragePool or MaxPool whose input has rank 4 and the layout "last".
Window window_of(const Node& n);

// In a graph that was fitted (fit.h) the attribute auto_pad alone says which of the two it is.
bool is_same_padded(const Node& n);

}  // namespace bantam
