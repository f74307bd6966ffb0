// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution: every table that this CPU can run gives the bits of a plain loop over the
// unpacked weights, reads nothing behind a row and writes nothing beside its output.
#include "lib/kernels/product_cases.h"

namespace {

using namespace product_test;

// Which rows of the operand a run reads: windows with pointers of their own (step 0), or those of
// one line of an image, `step` columns apart, which share them.
struct Windows {
  int pixels, taps, width, step;
  std::vector<int32_t> at;
  std::vector<int> rows;  // by place in the list of pointers
};

Windows windows(Random& random, int pixels, int taps, int step) {
  const int side = static_cast<int>(std::lround(std::sqrt(taps)));
  const int columns = (pixels - 1) * step + side;
  Windows w{pixels, taps, step ? side : 0, step ? step : taps, {}, {}};
  for (int t = 0; t < taps; ++t) w.at.push_back(step ? t / side * columns + t % side : t);
  for (int i = 0; i < (step ? side * columns : pixels * taps); ++i)
    w.rows.push_back(pick(random, {i, i, i, 0}));
  return w;
}

// Fills what both kinds of runs have.
template <typename T, typename Run>
void describe(Run& d, const Windows& w, int channels, const std::vector<const T*>& a) {
  d.pixels = w.pixels;
  d.channels = channels;
  d.taps = w.taps;
  d.width = w.width;
  d.step = w.step;
  d.at = w.at.data();
  d.a = a.data();
}

void compare_float_depthwise(Random& random, int pixels, int channels, int taps, bool odd,
                             int step = 0) {
  const FloatCase c = float_case(random, pixels, channels, 1, taps, odd);
  const Rows<float> in(pixels * taps, channels,
                       [&] { return odd ? odd_float(random) : any_float(random); });
  const Windows w = windows(random, pixels, taps, step);
  std::vector<const float*> a;
  for (int row : w.rows) a.push_back(in[row]);
  Output<float> expected(pixels, channels);
  for (int p = 0; p < pixels; ++p)
    for (int ch = 0; ch < channels; ++ch) {
      float sum = c.bias[static_cast<size_t>(ch)];
      for (int tap = 0; tap < taps; ++tap)
        sum = std::fma(a[static_cast<size_t>(p * w.step + w.at[static_cast<size_t>(tap)])][ch],
                       c.weights[static_cast<size_t>(ch * taps + tap)], sum);
      *expected.at(p, ch) = clamped(sum, c.lo, c.hi);
    }
  for (const bt_kernels* k : all_tables()) {
    INFO(k->name << ": " << pixels << " pixels, " << channels << " channels, taps " << taps
                 << ", step " << step);
    const Guarded packed(bt_pack_dw_f32(k, channels, taps, nullptr, nullptr, nullptr), 64);
    bt_pack_dw_f32(k, channels, taps, c.weights.data(), c.bias.data(),
                   static_cast<float*>(packed.data()));
    Output<float> out(pixels, channels);
    bt_dw_f32 d{};
    describe(d, w, channels, a);
    d.w = static_cast<const float*>(packed.data());
    d.c = out.at(0, 0);
    d.c_stride = out.stride();
    d.lo = c.lo;
    d.hi = c.hi;
    k->dw_f32(&d);
    REQUIRE(out.same_as(expected));
  }
}

void compare_byte_depthwise(Random& random, int pixels, int channels, int taps, Values values,
                            int step = 0) {
  const ByteCase c = byte_case(random, pixels, channels, 1, taps, values);
  const Rows<int8_t> in(pixels * taps, channels, [&] { return input_byte(random, values); });
  const Windows w = windows(random, pixels, taps, step);
  std::vector<const int8_t*> a;
  for (int row : w.rows) a.push_back(in[row]);
  Output<int8_t> expected(pixels, channels);
  for (int p = 0; p < pixels; ++p)
    for (int ch = 0; ch < channels; ++ch) {
      const auto channel = static_cast<size_t>(ch);
      auto wrapping = static_cast<uint32_t>(c.bias[channel]);
      for (int tap = 0; tap < taps; ++tap)
        wrapping += static_cast<uint32_t>(
            (a[static_cast<size_t>(p * w.step + w.at[static_cast<size_t>(tap)])][ch] - c.a_zero) *
            c.weights[static_cast<size_t>(ch * taps + tap)]);
      const auto sum = static_cast<int32_t>(wrapping);
      *expected.at(p, ch) = requantized(sum, c.scale[channel], c.zero, c.lo, c.hi);
    }
  const GuardedArray<float> scale(c.scale);
  for (const bt_kernels* k : all_tables()) {
    INFO(k->name << ": " << pixels << " pixels, " << channels << " channels, taps " << taps
                 << ", step " << step);
    const Guarded packed(bt_pack_dw_s8(k, channels, taps, nullptr, nullptr, 0, nullptr), 64);
    bt_pack_dw_s8(k, channels, taps, c.weights.data(), c.bias.data(), c.a_zero, packed.data());
    Output<int8_t> out(pixels, channels);
    bt_dw_s8 d{};
    describe(d, w, channels, a);
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

TEST_CASE("depthwise floats give the bits of a plain loop", "[kernels]") {
  Random random(5);
  for (int channels : odd_widths)
    for (int taps : {1, 2, 3, 4, 5, 9, 25})
      compare_float_depthwise(random, pick(random, {1, 2, 3, 4, 5, 7, 8, 9, 33}), channels, taps,
                              taps % 2 == 0);
}

TEST_CASE("depthwise floats give the same bits where windows overlap", "[kernels]") {
  Random random(8);
  for (int channels : odd_widths)
    for (int taps : {4, 9, 25})
      for (int step : {1, 2, 3})
        for (int pixels : {1, 3, pick(random, {4, 5, 7, 8}), pick(random, {9, 12, 13, 17, 33})})
          compare_float_depthwise(random, pixels, channels, taps, channels % 2 != 0, step);
}

TEST_CASE("depthwise bytes give the bytes of a plain loop", "[kernels]") {
  Random random(6);
  for (int channels : odd_widths)
    for (int taps : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 25, 49})
      compare_byte_depthwise(random, pick(random, {1, 2, 3, 4, 5, 7, 8, 9, 33}), channels, taps,
                             taps % 2 ? Values::any : Values::extreme);
}

TEST_CASE("depthwise bytes give the same bytes where windows overlap", "[kernels]") {
  Random random(9);
  for (int channels : odd_widths)
    for (int taps : {4, 9, 25})
      for (int step : {1, 2, 3})
        for (int pixels : {1, 3, pick(random, {4, 5, 7, 8}), pick(random, {9, 12, 13, 17, 33})})
          compare_byte_depthwise(random, pixels, channels, taps,
                                 channels % 2 ? Values::any : Values::extreme, step);
}
