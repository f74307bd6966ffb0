// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/window.h"

#include <algorithm>

namespace bantam {
namespace {

// Two numbers of an attribute that may be missing.
void read_pair(const Node& n, const char* key, int64_t pair[2]) {
  const auto list = n.attr_ints(key);
  if (list.size() == 2) std::copy(list.begin(), list.end(), pair);
}

struct Axis {
  int64_t in, out, kernel, stride, begin,
      end;  // kernel: with its dilation; lengths below 0 are unknown
};

int64_t same_total(const Axis& a) {
  return std::max<int64_t>(((a.in + a.stride - 1) / a.stride - 1) * a.stride + a.kernel - a.in, 0);
}

// Also where the length is unknown: a window of odd length that stays centred.
bool fits_same(const Axis& a) {
  if (a.in < 0)
    return a.stride == 1 && a.kernel % 2 == 1 && a.begin == a.kernel / 2 && a.end == a.begin;
  return a.out == (a.in + a.stride - 1) / a.stride && a.begin == same_total(a) / 2;
}
bool fits_valid(const Axis& a) { return a.begin == 0 && a.end == 0; }

}  // namespace

Window window_of(const Node& n) {
  Window w;
  const Shape &in = *n.inputs[0]->shape, &out = *n.output()->shape;
  if (n.is("Conv")) {
    for (size_t d = 0; d < 2; ++d) w.kernel[d] = (*n.inputs[1]->shape)[d + 1];
  } else {
    read_pair(n, "kernel_shape", w.kernel);
  }
  read_pair(n, "strides", w.stride);
  read_pair(n, "dilations", w.dilation);
  const auto pads = n.attr_ints("pads");
  const std::string how = n.attr_word("auto_pad");
  const bool ceil = n.has_attr("ceil_mode") && n.attr_int("ceil_mode");
  bool same = true, valid = true, known = true;
  for (size_t d = 0; d < 2; ++d) {
    Axis a = {in[d + 1], out[d + 1], (w.kernel[d] - 1) * w.dilation[d] + 1, w.stride[d], 0, 0};
    const bool by_size = a.in >= 0 && a.out >= 0;
    if (how == "NOTSET" && pads.size() == 4) a.begin = pads[d], a.end = pads[d + 2];
    if (how == "SAME_UPPER" && by_size) a.begin = same_total(a) / 2;
    if (how == "SAME_LOWER" && by_size) a.begin = (same_total(a) + 1) / 2;
    if (by_size) a.end = std::max<int64_t>((a.out - 1) * a.stride + a.kernel - a.in - a.begin, 0);
    known = known && (by_size || (how == "NOTSET" && !ceil) || how == "VALID");
    w.begin[d] = a.begin;
    w.end[d] = a.end;
    same = same && fits_same(a);
    valid = valid && fits_valid(a);
  }
  if (how == "SAME_UPPER") same = true, valid = false;
  w.padding = same && (how == "SAME_UPPER" || known) && !(valid && known) ? WindowPadding::same
              : !known                                                    ? WindowPadding::unknown
              : valid                                                     ? WindowPadding::valid
                      : WindowPadding::explicit_zeros;
  return w;
}

bool is_same_padded(const Node& n) { return n.attr_word("auto_pad") == "SAME_UPPER"; }

}  // namespace bantam
