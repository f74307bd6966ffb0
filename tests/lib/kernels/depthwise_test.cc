// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution: every table that this CPU can run gives the bits of a plain loop over the
// unpacked weights, reads nothing behind a row and writes nothing beside its output.
#include "lib/kernels/product_cases.h"

namespace {

using namespace product_test;

constexpr int kScattered = 0, kFew = -1;

// Which operand row each tap of each pixel reads: an own one; one of two, by chance; or that of a
// window over an image with `line` output pixels in a line, `step` input pixels apart.
std::vector<int> rows_of_taps(Random& random, int pixels, int taps, int line, int step) {
  std::vector<int> rows;
  const int width = static_cast<int>(std::lround(std::sqrt(taps)));
  const int image_width = (line - 1) * step + width;
  for (int p = 0; p < pixels; ++p)
    for (int tap = 0; tap < taps; ++tap)
      rows.push_back(line == kScattered ? p * taps + tap
                     : line == kFew     ? pick(random, {0, 0, 0, 0, 0, 0, 1})
                                        : (p / line * step + tap / width) * image_width +
                                          p % line * step + tap % width);
  return rows;
}

void compare_float_depthwise(Random& random, int pixels, int channels, int taps, bool odd,
                             int line = kScattered, int step = 1) {
  const FloatCase c = float_case(random, pixels, channels, 1, taps, odd);
  const Rows<float> in(pixels * taps, channels,
                       [&] { return odd ? odd_float(random) : any_float(random); });
  std::vector<const float*> a;
  for (int row : rows_of_taps(random, pixels, taps, line, step)) a.push_back(in[row]);
  Output<float> expected(pixels, channels);
  for (int p = 0; p < pixels; ++p)
    for (int ch = 0; ch < channels; ++ch) {
      float sum = c.bias[static_cast<size_t>(ch)];
      for (int tap = 0; tap < taps; ++tap)
        sum = std::fma(a[static_cast<size_t>(p * taps + tap)][ch],
                       c.weights[static_cast<size_t>(ch * taps + tap)], sum);
      *expected.at(p, ch) = clamped(sum, c.lo, c.hi);
    }
  for (const bt_kernels* k : all_tables()) {
    INFO(k->name << ": " << pixels << " pixels, " << channels << " channels, taps " << taps
                 << ", lines of " << line << ", step " << step);
    const Guarded packed(bt_pack_dw_f32(k, channels, taps, nullptr, nullptr, nullptr), 64);
    bt_pack_dw_f32(k, channels, taps, c.weights.data(), c.bias.data(),
                   static_cast<float*>(packed.data()));
    Output<float> out(pixels, channels);
    bt_dw_f32 d{};
    d.pixels = pixels;
    d.channels = channels;
    d.taps = taps;
    d.a = a.data();
    d.w = static_cast<const float*>(packed.data());
    d.c = out.at(0, 0);
    d.c_stride = out.stride();
    d.lo = c.lo;
    d.hi = c.hi;
    k->dw_f32(&d);
    REQUIRE(out.same_as(expected));
  }
}

void compare_byte_depthwise(Random& random, int pixels, int channels, int taps, Values values) {
  const ByteCase c = byte_case(random, pixels, channels, 1, taps, values);
  const Rows<int8_t> in(pixels * taps, channels, [&] { return input_byte(random, values); });
  std::vector<const int8_t*> a;
  for (int i = 0; i < pixels * taps; ++i) a.push_back(in[i]);
  Output<int8_t> expected(pixels, channels);
  for (int p = 0; p < pixels; ++p)
    for (int ch = 0; ch < channels; ++ch) {
      const auto channel = static_cast<size_t>(ch);
      auto wrapping = static_cast<uint32_t>(c.bias[channel]);
      for (int tap = 0; tap < taps; ++tap)
        wrapping += static_cast<uint32_t>((in[p * taps + tap][ch] - c.a_zero) *
                                          c.weights[static_cast<size_t>(ch * taps + tap)]);
      const auto sum = static_cast<int32_t>(wrapping);
      *expected.at(p, ch) = requantized(sum, c.scale[channel], c.zero, c.lo, c.hi);
    }
  const GuardedArray<float> scale(c.scale);
  for (const bt_kernels* k : all_tables()) {
    INFO(k->name << ": " << pixels << " pixels, " << channels << " channels, taps " << taps);
    const Guarded packed(bt_pack_dw_s8(k, channels, taps, nullptr, nullptr, 0, nullptr), 64);
    bt_pack_dw_s8(k, channels, taps, c.weights.data(), c.bias.data(), c.a_zero, packed.data());
    Output<int8_t> out(pixels, channels);
    bt_dw_s8 d{};
    d.pixels = pixels;
    d.channels = channels;
    d.taps = taps;
    d.a = a.data();
    d.w = packed.data();
    d.c = out.at(0, 0);
    d.c_stride = out.stride();
    d.scale = scale.data();
    d.zero = c.zero;
    d.lo = c.lo;
    d.hi = c.hi;
    k->dw_s8(&d);
    REQUIRE(out.same_as(expected));
  }
}

}  // namespace

TEST_CASE("depthwise floats give the bits of a plain loop") {
  Random random(5);
  for (int channels : odd_widths)
    for (int taps : {1, 2, 3, 4, 5, 9, 25})
      compare_float_depthwise(random, pick(random, {1, 2, 3, 4, 5, 7, 8, 9, 33}), channels, taps,
                              taps % 2 == 0);
}

TEST_CASE("depthwise floats give the same bits where windows overlap") {
  Random random(8);
  for (int channels : odd_widths)
    for (int taps : {9, 25})
      for (int step : {1, 2}) {
        const int line = pick(random, {kFew, kFew, 1, 2, 3, 4, 5, 7, 8, 9, 12, 14, 17});
        const int pixels = pick(random, {1, 2, 3, 8, 13, 16, 31, 32});
        compare_float_depthwise(random, pixels, channels, taps, channels % 2 != 0, line, step);
      }
}

TEST_CASE("depthwise bytes give the bytes of a plain loop") {
  Random random(6);
  for (int channels : odd_widths)
    for (int taps : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 25, 49})
      compare_byte_depthwise(random, pick(random, {1, 2, 3, 4, 5, 7, 8, 9, 33}), channels, taps,
                             taps % 2 ? Values::any : Values::extreme);
}
