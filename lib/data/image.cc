// SPDX-License-Identifier: Apache-2.0
#include "data/image.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"

namespace bantam {

Result<void> check_size(int64_t width, int64_t height) {
  if (width < 1 || height < 1)
    return Error{Code::bad_input, formatted("a picture of {} x {} pixels is empty", width, height)};
  if (width > kLongestSide || height > kLongestSide || width * height > kMostPixels)
    return Error{Code::bad_input, formatted("a picture of {} x {} pixels is too large: {} pixels along a side and {} million in all are the limits",
                                            width, height, kLongestSide, kMostPixels / 1'000'000)};
  return {};
}

Result<Image> decode_image(const Bytes& file) {
  const std::string_view text = file.text();
  if (text.starts_with("\xFF\xD8\xFF")) return decode_jpeg(file);
  if (text.starts_with("\x89PNG\r\n\x1A\n")) return decode_png(file);
  const auto is = [&](std::string_view magic, size_t at = 0) {
    return text.size() > at && text.substr(at).starts_with(magic);
  };
  const char* kind = is("GIF8")                         ? "a GIF picture"
                     : is("BM")                         ? "a BMP picture"
                     : is("RIFF") && is("WEBP", 8)      ? "a WebP picture"
                     : is("II*") || is("MM")            ? "a TIFF picture"
                     : is("ftyp", 4)                    ? "an AVIF or HEIC picture"
                     : is("\xFF\x0A") || is("JXL ", 4)  ? "a JPEG XL picture"
                     : is("jP  ", 4)                    ? "a JPEG 2000 picture"
                     : is("\x89PNG")                    ? "a PNG picture that a text-mode copy damaged"
                     : file.empty()                     ? "empty"
                                                        : "of an unknown kind";
  return Error{Code::bad_input, formatted("pictures must be JPEG or PNG; this file is {}", kind)};
}

bool Preprocess::keeps_values() const {
  const auto all = [](const std::vector<double>& list, double value) {
    return std::all_of(list.begin(), list.end(), [&](double v) { return v == value; });
  };
  return scale == 1 && all(mean, 0) && all(deviation, 1);
}

Result<void> check_settings(const Preprocess& p) {
  const auto wrong = [](std::string what) { return Error{Code::usage, std::move(what)}; };
  const auto is_number = [](double v) { return std::isfinite(static_cast<float>(v)); };
  if (!is_number(p.scale) || static_cast<float>(p.scale) == 0)
    return wrong("scale must be a number other than 0, within the range of a float");
  for (const bool is_mean : {true, false}) {
    const auto& list = is_mean ? p.mean : p.deviation;
    const char* name = is_mean ? "mean" : "std";
    if (list.size() != 1 && static_cast<int>(list.size()) != p.channels())
      return wrong(formatted("{} has {} numbers; one for all channels is expected, or one for each of the {}", name, list.size(), p.channels()));
    for (const double v : list)
      if (!is_number(v) || (!is_mean && static_cast<float>(v) <= 0))
        return wrong(formatted("{} of {} is not usable{}", name, shortest(v), is_mean ? "" : "; it must be above 0"));
  }
  if (p.shorter_side > 0 && p.resize.width > 0) return wrong("resize is either a size or the shorter side, not both");
  for (const Preprocess::Size& size : {p.resize, p.crop})
    if (size.width != 0 || size.height != 0) TRY(check_size(size.width, size.height));
  if (p.shorter_side != 0) TRY(check_size(p.shorter_side, p.shorter_side));
  return {};
}

std::string settings_text(const Preprocess& p) {
  const auto list = [](const std::vector<double>& values) {
    std::string text;
    for (const double v : values) text += (text.empty() ? "" : ",") + shortest(v);
    return text;
  };
  static constexpr const char* kColors[] = {"rgb", "bgr", "grey"};
  static constexpr const char* kLayouts[] = {"first", "last"};
  static constexpr const char* kInterpolations[] = {"bilinear", "bicubic", "nearest"};
  return formatted("resize={}x{} shorter_side={} crop={}x{} scale={} mean={} std={} color={} layout={} interpolation={}", p.resize.width,
                   p.resize.height, p.shorter_side, p.crop.width, p.crop.height, shortest(p.scale), list(p.mean), list(p.deviation),
                   kColors[static_cast<int>(p.color)], kLayouts[static_cast<int>(p.layout)],
                   kInterpolations[static_cast<int>(p.interpolation)]);
}

namespace {

Image to_grey(const Image& image) {
  Image grey{image.width, image.height, 1, std::vector<uint8_t>(image.pixels.size() / 3)};
  for (size_t i = 0; i < grey.pixels.size(); ++i) {
    const uint8_t* p = image.pixels.data() + 3 * i;
    grey.pixels[i] = static_cast<uint8_t>((p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16);
  }
  return grey;
}

// (whole - part) / 2, halves to even.
int centred(int whole, int part) {
  const int twice = whole - part, half = twice / 2;
  return half + (twice % 2 != 0 && half % 2 != 0);
}

// The picture after color (grey only), resize and crop.
Result<Image> shaped(const Image& image, const Preprocess& p) {
  Image grey;
  const bool to_one = p.channels() == 1 && image.channels == 3;
  if (to_one) grey = to_grey(image);
  const Image& source = to_one ? grey : image;
  Preprocess::Size size{source.width, source.height};
  if (p.resize.width > 0) size = p.resize;
  if (p.shorter_side > 0) {
    const int64_t shorter = std::min(size.width, size.height), n = p.shorter_side;
    const int64_t longer = std::max(size.width, size.height) * n / shorter;
    const bool is_wide = size.width > size.height;
    TRY(check_size(longer, n));
    size = {static_cast<int>(is_wide ? longer : n), static_cast<int>(is_wide ? n : longer)};
  }
  Window window{0, 0, size.width, size.height};
  if (p.crop.width > 0) {
    if (size.width < p.crop.width || size.height < p.crop.height)
      return Error{Code::bad_input, formatted("a picture of {} x {} pixels is smaller than the crop of {} x {}; give a resize that makes it large enough",
                                              size.width, size.height, p.crop.width, p.crop.height)};
    window = {centred(size.width, p.crop.width), centred(size.height, p.crop.height), p.crop.width, p.crop.height};
  }
  if (size.width != source.width || size.height != source.height || p.crop.width > 0)
    return resize(source, size, window, p.interpolation);
  return source;
}

// What each of the 256 values of channel c becomes.
template <typename T>
std::vector<T> value_table(const Preprocess& p, int c) {
  const auto of_channel = [&](const std::vector<double>& list) {
    return static_cast<float>(list.size() == 1 ? list[0] : list[static_cast<size_t>(c)]);
  };
  const auto scale = static_cast<float>(p.scale);
  const float mean = of_channel(p.mean), deviation = of_channel(p.deviation);
  std::vector<T> table;
  for (int x = 0; x < 256; ++x) {
    if constexpr (std::is_same_v<T, uint8_t>) {
      table.push_back(static_cast<T>(x));
      continue;
    }
    const float scaled = static_cast<float>(x) * scale;
    const float centred_value = scaled - mean;
    const float value = centred_value / deviation;
    if constexpr (std::is_same_v<T, uint16_t>) table.push_back(bt_to_f16(value));
    else table.push_back(static_cast<T>(value));
  }
  return table;
}

template <typename T>
Tensor with_values(const Image& image, const Preprocess& p, DType dtype) {
  const auto n = static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  const auto channels = static_cast<size_t>(p.channels()), stored = static_cast<size_t>(image.channels);
  const bool is_first = p.layout == Preprocess::Layout::first;
  std::vector<uint8_t> bytes(n * channels * sizeof(T));
  T* out = reinterpret_cast<T*>(bytes.data());
  for (size_t c = 0; c < channels; ++c) {
    const std::vector<T> table = value_table<T>(p, static_cast<int>(c));
    const size_t from = stored == 1 ? 0 : p.color == Preprocess::Color::bgr ? 2 - c : c;
    const uint8_t* in = image.pixels.data() + from;
    T* to = is_first ? out + c * n : out + c;
    const size_t step = is_first ? 1 : channels;
    for (size_t i = 0; i < n; ++i) to[i * step] = table[in[i * stored]];
  }
  const int64_t height = image.height, width = image.width;
  Shape shape = is_first ? Shape{p.channels(), height, width} : Shape{height, width, p.channels()};
  return {dtype, std::move(shape), Bytes(std::move(bytes))};
}

// A value may be past the largest number of the type though all settings are in range.
bool overflows(const Preprocess& p, DType dtype) {
  const double largest = dtype == BT_F16 ? 65504 : 3.4e38;
  for (int c = 0; c < p.channels(); ++c)
    for (const float v : value_table<float>(p, c))
      if (!(std::fabs(static_cast<double>(v)) <= largest)) return true;
  return false;
}

}  // namespace

Result<Tensor> preprocess(const Image& image, const Preprocess& p, DType dtype) {
  TRY(check_settings(p));
  if (dtype != BT_F32 && dtype != BT_F16 && dtype != BT_U8)
    return Error{Code::unsupported, formatted("pictures become f32, f16 or u8; the model takes {}: give it arrays (.npz)", bt_dtype_name(dtype))};
  if (dtype == BT_U8 && !p.keeps_values())
    return Error{Code::usage, "the model takes u8 values 0 to 255, so scale, mean and std must be left out"};
  if (dtype != BT_U8 && overflows(p, dtype))
    return Error{Code::usage, formatted("scale, mean and std make values that are too large for {}", bt_dtype_name(dtype))};
  TRY(const Image ready, shaped(image, p));
  if (dtype == BT_U8) return with_values<uint8_t>(ready, p, dtype);
  if (dtype == BT_F16) return with_values<uint16_t>(ready, p, dtype);
  return with_values<float>(ready, p, dtype);
}

}  // namespace bantam
