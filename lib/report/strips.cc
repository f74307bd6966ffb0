// SPDX-License-Identifier: Apache-2.0
#include "report/strips.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "data/image.h"

namespace bantam {
namespace {

constexpr int64_t kSide = 256;     // pixels of a picture in the report
constexpr int64_t kSmallest = 16;  // below that it is a grid of features, not a picture

struct Plane {  // where the pixels of one picture lie
  int64_t channels, height, width;
  bool last;
  int64_t at(int64_t c, int64_t y, int64_t x) const { return last ? (y * width + x) * channels + c : (c * height + y) * width + x; }
};

std::optional<Plane> plane_of(const Tensor& t) {
  if (t.dtype() != BT_F32 || t.rank() != 4) return std::nullopt;
  const Shape& s = t.shape();
  const auto is_colour = [](int64_t c) { return c == 1 || c == 3; };
  if (is_colour(s[1]) && s[2] >= kSmallest && s[3] >= kSmallest) return Plane{s[1], s[2], s[3], false};
  if (is_colour(s[3]) && s[1] >= kSmallest && s[2] >= kSmallest) return Plane{s[3], s[1], s[2], true};
  return std::nullopt;
}

struct Spread {
  double lo = 0, hi = 1;
  uint8_t operator()(double v) const {
    return static_cast<uint8_t>(std::isfinite(v) ? std::clamp(255 * (v - lo) / (hi - lo) + 0.5, 0.0, 255.0) : 255);
  }
};

Spread spread_of(const Tensor& t) {
  Spread s{INFINITY, -INFINITY};
  for (const float v : t.floats())
    if (std::isfinite(v)) s.lo = std::min<double>(s.lo, v), s.hi = std::max<double>(s.hi, v);
  return s.hi > s.lo ? s : Spread{};
}

template <typename Value>  // Value(index): of the pixel element
Result<Bytes> painted(const Plane& p, const Spread& spread, const Value& value) {
  Image image;
  image.height = static_cast<int>(std::min(p.height, kSide));
  image.width = static_cast<int>(std::min(p.width, kSide));
  image.channels = static_cast<int>(p.channels);
  const int64_t top = (p.height - image.height) / 2, left = (p.width - image.width) / 2;
  for (int64_t y = 0; y < image.height; ++y)
    for (int64_t x = 0; x < image.width; ++x)
      for (int64_t c = 0; c < p.channels; ++c) image.pixels.push_back(spread(value(p.at(c, top + y, left + x))));
  return encode_png(image);
}

Result<Bytes> painted(const Tensor& t, const Plane& p, const Spread& spread) {
  const auto values = t.floats();
  return painted(p, spread, [&](int64_t i) { return static_cast<double>(values[static_cast<size_t>(i)]); });
}

}  // namespace

bool looks_like_picture(const Tensor& t) { return plane_of(t).has_value(); }

Result<std::optional<PictureStrip>> picture_strip(const std::string& title, const Tensor* input, const Tensor& reference,
                                                  const Tensor& test) {
  const auto plane = plane_of(reference);
  if (!plane || test.shape() != reference.shape()) return std::optional<PictureStrip>();
  PictureStrip strip;
  strip.title = title;
  if (const auto p = input ? plane_of(*input) : std::nullopt) {
    TRY(Bytes png, painted(*input, *p, spread_of(*input)));
    strip.pictures.push_back({"input", std::move(png)});
  }
  const Spread spread = spread_of(reference);
  TRY(Bytes want, painted(reference, *plane, spread));
  TRY(Bytes got, painted(test, *plane, spread));
  const auto a = reference.floats(), b = test.floats();
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i)
    if (const double d = std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])); std::isfinite(d)) largest = std::max(largest, d);
  double gain = 1;
  while (largest * gain * 4 <= spread.hi - spread.lo && gain < 65536) gain *= 2;
  TRY(Bytes difference, painted(*plane, Spread{0, (spread.hi - spread.lo) / gain}, [&](int64_t i) {
        const auto k = static_cast<size_t>(i);
        return std::fabs(static_cast<double>(a[k]) - static_cast<double>(b[k]));
      }));
  strip.pictures.push_back({"float", std::move(want)});
  strip.pictures.push_back({"compressed", std::move(got)});
  strip.pictures.push_back({formatted("difference, {:.0f} times", gain), std::move(difference)});
  return std::optional<PictureStrip>(std::move(strip));
}

}  // namespace bantam
