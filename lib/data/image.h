// SPDX-License-Identifier: Apache-2.0
// Pictures: JPEG and PNG files to 8-bit pixels, and pixels to what a model takes.
//
// Decoding ignores what says how a picture should be shown (gamma, colour profiles, EXIF orientation), as PIL
// and TensorFlow do unless they are asked. A file that is damaged or cut off is refused, never half decoded.
// Both limits hold for every picture here: kMostPixels in all, kLongestSide along one side.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ir/tensor.h"

namespace bantam {

inline constexpr int64_t kMostPixels = 100'000'000;
inline constexpr int kLongestSide = 65'535;

struct Image {
  int width = 0, height = 0;
  int channels = 0;             // 1: grey; 3: red, green, blue
  std::vector<uint8_t> pixels;  // rows from the top, the channels of a pixel side by side
};

// Picks the decoder by the first bytes; the file's name plays no part.
Result<Image> decode_image(const Bytes& file);
// Grey stays grey; CMYK becomes RGB in the way that Adobe's programs write it (inverted), as PIL does.
Result<Image> decode_jpeg(const Bytes& file);
// Grey stays grey, all else becomes RGB. 16 bits are rounded to 8. Transparency is dropped (the colour
// below it is what counts), as PIL's convert("RGB") and TensorFlow's decode_png(channels=3) do.
Result<Image> decode_png(const Bytes& file);

// 1 or 3 channels.
Result<Bytes> encode_png(const Image& image);

// Fails where a picture of these lengths would break a limit.
Result<void> check_size(int64_t width, int64_t height);

// What happens between a decoded picture and the model's input. The steps, in order:
//
//   color   Grey out of RGB is (19595 R + 38470 G + 7471 B + 32768) >> 16 (ITU-R BT.601, as PIL rounds it);
//           RGB out of grey repeats it.
//   resize  To width x height, or so that the shorter side gets `shorter_side` pixels and the longer one
//           longer * shorter_side / shorter, rounded down (as torchvision). See resize() below.
//   crop    The centre; the left edge is at (width - crop.width) / 2, halves rounded to even, the top
//           edge likewise (as torchvision). A smaller picture is an error.
//   values  (x * scale - mean[c]) / deviation[c] with x in 0..255: three float operations, each rounded to
//           float, on scale, mean and deviation rounded to float. In NumPy, bit for bit:
//           (x.astype("f4") * f4(scale) - f4(mean)) / f4(deviation)
//           Mean and deviation are in the order of the model's channels: of bgr, blue comes first. One
//           number stands for all channels. A common use is scale 1/255 with ImageNet's mean and deviation.
//   layout  first: [channels, height, width]; last: [height, width, channels].
struct Preprocess {
  enum class Color { rgb, bgr, grey };
  enum class Layout { first, last };
  enum class Interpolation { bilinear, bicubic, nearest };
  struct Size {
    int width = 0, height = 0;  // 0 x 0: as it is
  };

  Size resize;
  int shorter_side = 0;  // 0: not used; at most one of resize and this
  Size crop;
  double scale = 1;
  std::vector<double> mean = {0};
  std::vector<double> deviation = {1};
  Color color = Color::rgb;
  Layout layout = Layout::first;
  Interpolation interpolation = Interpolation::bilinear;

  int channels() const { return color == Color::grey ? 1 : 3; }
  // The values that come out are the 0..255 that go in.
  bool keeps_values() const;
};

// Fails with the reason where the settings are not usable (a deviation of 0, two means for three channels).
Result<void> check_settings(const Preprocess& settings);

// All settings in one line, equal for equal settings: part of the content hash of a sample.
std::string settings_text(const Preprocess& settings);

// The model's input: f32, f16 (rounded to nearest), or u8 where the settings keep the values. Rank 3.
// The same bits on every machine.
Result<Tensor> preprocess(const Image& image, const Preprocess& settings, DType dtype);

// Part of a picture, in pixels.
struct Window {
  int left = 0, top = 0, width = 0, height = 0;
};
// Scales a picture to `size` and returns the part `window` of the result (computing no more than that).
//
// bilinear and bicubic (a = -0.5) are triangle and cubic filters that widen with the factor when reducing, so
// that nothing aliases: what PIL's BILINEAR and BICUBIC do, and within 1 of 255 of them (measured: equal,
// Pillow 13). OpenCV's and TensorFlow's defaults do not widen and give other values. nearest takes the pixel
// under the centre: source x = floor((x + 0.5) * source width / width).
Result<Image> resize(const Image& image, Preprocess::Size size, const Window& window,
                     Preprocess::Interpolation interpolation);

}  // namespace bantam
