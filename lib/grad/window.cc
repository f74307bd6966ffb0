// SPDX-License-Identifier: Apache-2.0
#include "grad/window.h"

#include <algorithm>
#include <limits>

namespace bantam {

std::optional<Window> Window::of(const Node& n, std::vector<int64_t> kernel) {
  const Shape &x = shape_of(n.inputs[0]), &y = shape_of(n.output());
  if (x.size() != 4 || kernel.size() != 2 || n.attr_word("layout") != "last") return std::nullopt;
  const auto list = [&](const char* key, size_t length, int64_t missing) {
    auto numbers = n.attr_ints(key);
    if (numbers.empty()) numbers.assign(length, missing);
    return numbers;
  };
  const auto strides = list("strides", 2, 1), dilations = list("dilations", 2, 1),
             pads = list("pads", 4, 0);
  const std::string automatic = n.attr_word("auto_pad");
  Window w{.images = x[0],
           .channels = x[3],
           .in = {},
           .out = {},
           .kernel = {},
           .stride = {},
           .dilation = {},
           .pad = {},
           .pad_end = {}};
  for (size_t d = 0; d < 2; ++d) {
    w.in[d] = x[d + 1];
    w.out[d] = y[d + 1];
    w.kernel[d] = kernel[d];
    w.stride[d] = strides[d];
    w.dilation[d] = dilations[d];
    const int64_t reach = dilations[d] * (kernel[d] - 1),
                  span = (w.out[d] - 1) * strides[d] + reach + 1;
    const int64_t missing = std::max<int64_t>(0, span - w.in[d]);
    w.pad[d] = automatic == "SAME_UPPER"   ? missing / 2
               : automatic == "SAME_LOWER" ? missing - missing / 2
               : automatic == "VALID"      ? 0
                                           : pads[d];
    w.pad_end[d] = std::max<int64_t>(0, span - w.in[d] - w.pad[d]);
    if (w.out[d] < 1 || w.pad[d] > reach || w.pad_end[d] > reach) return std::nullopt;
  }
  return w;
}

Value* Window::around(Tape& t, Value* x) const {
  return t.padded(x, {0, pad[0], pad[1], 0, 0, pad_end[0], pad_end[1], 0});
}

Value* Window::tap(Tape& t, Value* padded, int64_t row, int64_t column) const {
  const int64_t top = row * dilation[0], left = column * dilation[1];
  return t.sliced(padded, {top, left},
                  {top + (out[0] - 1) * stride[0] + 1, left + (out[1] - 1) * stride[1] + 1}, {1, 2},
                  {stride[0], stride[1]});
}

Value* Window::hand_back(Tape& t, Value* d, Value* weights, int64_t group) const {
  const int64_t outputs = shape_of(weights)[0], depth = shape_of(weights)[3],
                each = outputs / group;
  int64_t length[2];
  for (int i = 0; i < 2; ++i) length[i] = (out[i] - 1) * stride[i] + 1;
  if (stride[0] > 1 || stride[1] > 1) {  // zeros between the positions
    Value* wide = t.padded(t.reshaped(d, {images, out[0], 1, out[1], 1, outputs}),
                           {0, 0, 0, 0, 0, 0, 0, 0, stride[0] - 1, 0, stride[1] - 1, 0});
    wide = t.reshaped(wide, {images, out[0] * stride[0], out[1] * stride[1], outputs});
    d = t.sliced(wide, {0, 0}, {length[0], length[1]}, {1, 2}, {1, 1});
  }
  Value* turned = weights;
  if (depth > 1 || each > 1) {
    turned = t.reshaped(turned, {group, each, kernel[0], kernel[1], depth});
    turned = t.reshaped(t.transposed(turned, {0, 4, 2, 3, 1}),
                        {group * depth, kernel[0], kernel[1], each});
  }
  if (taps() > 1) {
    constexpr int64_t kFront = std::numeric_limits<int64_t>::min();
    turned = t.sliced(turned, {-1, -1}, {kFront, kFront}, {1, 2}, {-1, -1});
  }
  std::vector<int64_t> begin, end;
  for (int i = 0; i < 2; ++i) {
    begin.push_back(dilation[i] * (kernel[i] - 1) - pad[i]);
    end.push_back(in[i] - length[i] + pad[i]);
  }
  begin.insert(begin.end(), end.begin(), end.end());
  return t.make("Conv", {d, turned},
                {{"group", group},
                 {"layout", std::string("last")},
                 {"pads", begin},
                 {"dilations", std::vector<int64_t>{dilation[0], dilation[1]}}});
}

}  // namespace bantam
