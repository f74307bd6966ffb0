// SPDX-License-Identifier: Apache-2.0
// Scaling in two passes, rows first, with 8-bit results after each: the arithmetic of Pillow's
// ImagingResample for 8-bit pictures (weights in 22-bit fixed point), because that is what most training
// pipelines fed to the network.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "data/image.h"

namespace bantam {
namespace {

constexpr int kFractionBits = 22;  // 255 * sum |weights| * 2^22 < 2^31 with the cubic's overshoot

double triangle(double x) { return std::max(0.0, 1.0 - std::fabs(x)); }

double cubic(double x) {
  constexpr double a = -0.5;
  x = std::fabs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// The taps of the output pixels [begin, begin + count) along one axis.
struct Taps {
  std::vector<int> first, length;  // of the source pixels, for each output pixel
  std::vector<int32_t> weights;    // `stride` for each output pixel
  size_t stride = 0;
};

Taps make_taps(int source, int target, int begin, int count, bool is_cubic) {
  const double factor = static_cast<double>(source) / target, widen = std::max(factor, 1.0);
  const double support = (is_cubic ? 2.0 : 1.0) * widen, narrow = 1.0 / widen;
  Taps taps;
  taps.stride = static_cast<size_t>(std::ceil(support)) * 2 + 1;
  taps.weights.resize(taps.stride * static_cast<size_t>(count));
  std::vector<double> row(taps.stride);
  for (int i = 0; i < count; ++i) {
    const double centre = (begin + i + 0.5) * factor;
    const int first = std::max(static_cast<int>(centre - support + 0.5), 0);
    const int length = std::min(static_cast<int>(centre + support + 0.5), source) - first;
    double sum = 0;
    for (int k = 0; k < length; ++k) {
      const double x = (k + first - centre + 0.5) * narrow;
      row[static_cast<size_t>(k)] = is_cubic ? cubic(x) : triangle(x);
      sum += row[static_cast<size_t>(k)];
    }
    int32_t* out = taps.weights.data() + taps.stride * static_cast<size_t>(i);
    for (int k = 0; k < length; ++k) {
      const double w = (sum != 0 ? row[static_cast<size_t>(k)] / sum : 0) * (1 << kFractionBits);
      out[k] = static_cast<int32_t>(w < 0 ? w - 0.5 : w + 0.5);
    }
    taps.first.push_back(first);
    taps.length.push_back(length);
  }
  return taps;
}

uint8_t to_byte(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kFractionBits, 0, 255)); }

template <int kChannels>
void scale_row(const uint8_t* in, const Taps& taps, uint8_t* out) {
  for (size_t i = 0; i < taps.first.size(); ++i) {
    const int32_t* w = taps.weights.data() + i * taps.stride;
    const uint8_t* p = in + taps.first[i] * kChannels;
    int32_t sum[kChannels];
    std::fill(sum, sum + kChannels, 1 << (kFractionBits - 1));
    for (int k = 0; k < taps.length[i]; ++k)
      for (int c = 0; c < kChannels; ++c) sum[c] += p[k * kChannels + c] * w[k];
    for (int c = 0; c < kChannels; ++c) *out++ = to_byte(sum[c]);
  }
}

Image filtered(const Image& image, Preprocess::Size size, const Window& window, bool is_cubic) {
  const auto width = static_cast<size_t>(window.width), channels = static_cast<size_t>(image.channels);
  const Taps across = make_taps(image.width, size.width, window.left, window.width, is_cubic);
  const Taps down = make_taps(image.height, size.height, window.top, window.height, is_cubic);
  // only the source rows that some output row uses
  const int top = down.first.front(), bottom = down.first.back() + down.length.back();
  const size_t row = width * channels, source_row = static_cast<size_t>(image.width) * channels;
  std::vector<uint8_t> half(row * static_cast<size_t>(bottom - top));
  for (int y = top; y < bottom; ++y) {
    const uint8_t* in = image.pixels.data() + static_cast<size_t>(y) * source_row;
    uint8_t* out = half.data() + static_cast<size_t>(y - top) * row;
    if (channels == 1) scale_row<1>(in, across, out);
    else scale_row<3>(in, across, out);
  }
  Image result{window.width, window.height, image.channels, std::vector<uint8_t>(row * static_cast<size_t>(window.height))};
  std::vector<int32_t> sums(row);
  for (size_t y = 0; y < static_cast<size_t>(window.height); ++y) {
    std::fill(sums.begin(), sums.end(), 1 << (kFractionBits - 1));
    for (int k = 0; k < down.length[y]; ++k) {
      const int32_t w = down.weights[y * down.stride + static_cast<size_t>(k)];
      const uint8_t* in = half.data() + static_cast<size_t>(down.first[y] + k - top) * row;
      for (size_t i = 0; i < row; ++i) sums[i] += in[i] * w;
    }
    for (size_t i = 0; i < row; ++i) result.pixels[y * row + i] = to_byte(sums[i]);
  }
  return result;
}

Image nearest(const Image& image, Preprocess::Size size, const Window& window) {
  const auto pixel = static_cast<size_t>(image.channels);
  Image result{window.width, window.height, image.channels, {}};
  result.pixels.reserve(static_cast<size_t>(window.width) * static_cast<size_t>(window.height) * pixel);
  for (int64_t y = window.top; y < window.top + window.height; ++y) {
    const int64_t from_y = (2 * y + 1) * image.height / (2 * static_cast<int64_t>(size.height));
    for (int64_t x = window.left; x < window.left + window.width; ++x) {
      const int64_t from_x = (2 * x + 1) * image.width / (2 * static_cast<int64_t>(size.width));
      const uint8_t* p = image.pixels.data() + static_cast<size_t>(from_y * image.width + from_x) * pixel;
      result.pixels.insert(result.pixels.end(), p, p + pixel);
    }
  }
  return result;
}

}  // namespace

Result<Image> resize(const Image& image, Preprocess::Size size, const Window& window,
                     Preprocess::Interpolation interpolation) {
  TRY(check_size(size.width, size.height));
  if (window.left < 0 || window.top < 0 || window.width < 1 || window.height < 1 ||
      window.left + window.width > size.width || window.top + window.height > size.height)
    return Error{Code::internal, "resize: the window is outside of the picture"};
  if (interpolation == Preprocess::Interpolation::nearest) return nearest(image, size, window);
  return filtered(image, size, window, interpolation == Preprocess::Interpolation::bicubic);
}

}  // namespace bantam
