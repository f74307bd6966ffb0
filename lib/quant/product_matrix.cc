// SPDX-License-Identifier: Apache-2.0
#include "quant/product_matrix.h"

#include <algorithm>
#include <array>

#include "quant/weights.h"

namespace bantam {
namespace {

std::vector<int64_t> or_default(std::vector<int64_t> list, size_t length, int64_t value) {
  if (list.empty()) list.assign(length, value);
  return list;
}

}  // namespace

std::optional<ProductMatrix> ProductMatrix::of(const Node& node) {
  const Value* w = node.input(1);
  if (!w || !w->is_constant() || w->dtype != BT_F32 || w->constant->count() == 0)
    return std::nullopt;
  ProductMatrix m;
  if (node.is("Conv")) {
    if (w->rank() < 3 || w->rank() > static_cast<int>(kMostDims) + 2) return std::nullopt;
    m.set_conv(node);
    return m;
  }
  const bool gemm = node.is("Gemm");
  if ((!gemm && !node.is("MatMul")) || w->rank() != 2 || (gemm && node.attr_int("transA")))
    return std::nullopt;
  const auto rows = static_cast<size_t>(weight_axis(node)), depth = 1 - rows;
  const Shape& shape = *w->shape;
  m.rows_ = static_cast<size_t>(shape[rows]);
  m.depth_ = static_cast<size_t>(shape[depth]);
  m.row_step_ = rows == 0 ? m.depth_ : 1;
  m.depth_step_ = rows == 0 ? 1 : m.rows_;
  return m;
}

void ProductMatrix::set_conv(const Node& node) {
  const Shape& shape = *node.input(1)->shape;
  image_ = true;
  last_ = node.attr_word("layout") == "last";
  kernel_.assign(shape.begin() + (last_ ? 1 : 2), shape.end() - (last_ ? 1 : 0));
  groups_ = static_cast<size_t>(node.attr_int("group"));
  rows_ = static_cast<size_t>(shape[0]) / groups_;
  depth_ = static_cast<size_t>(element_count(shape) / shape[0]);
  row_step_ = depth_;
  strides_ = or_default(node.attr_ints("strides"), kernel_.size(), 1);
  dilations_ = or_default(node.attr_ints("dilations"), kernel_.size(), 1);
  pads_ = or_default(node.attr_ints("pads"), 2 * kernel_.size(), 0);
  auto_pad_ = node.attr_word("auto_pad");
}

int64_t ProductMatrix::columns(const Tensor& y) const {
  const auto channels = static_cast<int64_t>(groups_ * rows_);
  return channels > 0 ? y.count() / channels : 0;
}

void ProductMatrix::gather(const Tensor& x, const Tensor& y, int64_t column, size_t group,
                           float* out) const {
  if (image_) gather_patch(x, y, column, group, out);
  else std::copy_n(x.floats().data() + static_cast<size_t>(column) * depth_, depth_, out);
}

// Where a tap falls into the padding, its numbers are 0.
void ProductMatrix::gather_patch(const Tensor& x, const Tensor& y, int64_t column, size_t group,
                                 float* out) const {
  const size_t dims = kernel_.size(), first = last_ ? 1 : 2, channel_axis = last_ ? dims + 1 : 1;
  const Shape &in = x.shape(), &to = y.shape();
  std::array<int64_t, kMostDims> origin{}, step{};
  int64_t pixel = last_ ? in[channel_axis] : 1;
  int64_t taps = 1, pixels = 1;
  for (size_t d = dims; d-- > 0;) {
    const int64_t length = in[first + d], made = to[first + d];
    const int64_t span = (made - 1) * strides_[d] + (kernel_[d] - 1) * dilations_[d] + 1;
    const int64_t padding = std::max<int64_t>(0, span - length);
    int64_t pad = pads_[d];
    if (auto_pad_ == "SAME_UPPER") pad = padding / 2;
    if (auto_pad_ == "SAME_LOWER") pad = padding - padding / 2;
    if (auto_pad_ == "VALID") pad = 0;
    origin[d] = column % made * strides_[d] - pad;
    column /= made;
    step[d] = pixel;
    pixel *= length;
    taps *= kernel_[d];
    pixels *= length;
  }
  const int64_t channel_step = last_ ? 1 : pixels;
  const auto channels = static_cast<int64_t>(depth_) / taps;
  const float* image = x.floats().data() + column * in[channel_axis] * pixels +
                       static_cast<int64_t>(group) * channels * channel_step;
  for (int64_t tap = 0; tap < taps; ++tap) {
    int64_t at = 0, rest = tap;
    bool inside = true;
    for (size_t d = dims; d-- > 0;) {
      const int64_t i = origin[d] + rest % kernel_[d] * dilations_[d];
      rest /= kernel_[d];
      inside = inside && i >= 0 && i < in[first + d];
      at += i * step[d];
    }
    for (int64_t c = 0; c < channels; ++c)
      out[last_ ? tap * channels + c : c * taps + tap] = inside ? image[at + c * channel_step] : 0;
  }
}

}  // namespace bantam
