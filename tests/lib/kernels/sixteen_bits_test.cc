// SPDX-License-Identifier: Apache-2.0
// Products with 16-bit values: however a table reads them, and whatever it makes of the sums, the
// results are those of a plain loop over 64-bit sums.
#include "lib/kernels/product_cases.h"

namespace {

using namespace product_test;

int16_t any_word(Random& random) {
  if (pick(random, {0, 1, 2, 3}) == 0)
    return static_cast<int16_t>(pick(random, {-32768, -32768, 32767, 0, -1, 128, -129}));
  return static_cast<int16_t>(std::uniform_int_distribution<int>(-32768, 32767)(random));
}

template <typename T>
T finished(int64_t sum, double start, float scale, const ByteCase& c) {
  const double d = (static_cast<double>(sum) + start) * static_cast<double>(scale);
  if constexpr (std::is_same_v<T, float>) {
    return static_cast<float>(d);
  } else {
    const double lo = c.lo - c.zero, hi = c.hi - c.zero;
    return static_cast<T>(static_cast<int32_t>(std::nearbyint(d < lo   ? lo
                                                              : d > hi ? hi
                                                                       : d)) +
                          c.zero);
  }
}

template <typename T>
constexpr bt_store store_of = std::is_same_v<T, float>    ? BT_FINISH_F32
                              : std::is_same_v<T, int8_t> ? BT_FINISH_S8
                                                          : BT_FINISH_S16;

enum class Form { bytes, words, planes };

// A case whose limits fit the type of the output.
template <typename T>
ByteCase word_case(Random& random, int rows, int cols, int depth, int taps) {
  ByteCase c = byte_case(random, rows, cols, depth, taps,
                         pick(random, {0, 1}) ? Values::any : Values::extreme);
  c.a_zero = 0;
  for (int32_t& b : c.bias) b = b % 100000;
  if (std::is_same_v<T, int16_t>) c.zero = 0, c.lo = pick(random, {-32768, 0, -99}), c.hi = 32767;
  return c;
}

// The operand as a table takes it: rows of taps, of every plane in turns, each at the end of a
// mapping.
template <typename X>
class Operand {
 public:
  Operand(const bt_kernels& k, Form form, const ByteCase& c, const Rows<X>& in) {
    for (int i = 0; i < c.rows * c.taps; ++i) {
      if (form == Form::planes) {
        std::vector<int8_t> low(static_cast<size_t>(c.depth)), high(low.size());
        if constexpr (sizeof(X) == 2) k.split_s16(in[i], low.data(), high.data(), low.size());
        add(k, low);
        add(k, high);
      } else if constexpr (sizeof(X) == 1) {
        add(k, std::vector<int8_t>(in[i], in[i] + c.depth));
      } else {
        rows_.push_back(reinterpret_cast<const int8_t*>(in[i]));
      }
    }
  }
  const int8_t* operator[](int i) const { return rows_[static_cast<size_t>(i)]; }

 private:
  void add(const bt_kernels& k, const std::vector<int8_t>& plain) {
    const size_t n = plain.size(), group = k.prepare_s8 ? static_cast<size_t>(k.s8_kr) : 1;
    const size_t bytes = (n + group - 1) / group * group * static_cast<size_t>(k.s8_bytes);
    kept_.push_back(std::make_unique<Guarded>(bytes, k.prepare_s8 ? 4 : 1));
    void* to = kept_.back()->data();
    if (k.prepare_s8)
      k.prepare_s8(plain.data(), to, static_cast<int>(n));
    else
      std::memcpy(to, plain.data(), n);
    rows_.push_back(static_cast<const int8_t*>(to));
  }
  std::vector<std::unique_ptr<Guarded>> kept_;
  std::vector<const int8_t*> rows_;
};

template <typename X, typename T>
void run(const bt_kernels& k, Form form, const ByteCase& c, const Rows<X>& in,
         const std::vector<double>& start, Output<T>& out) {
  const int planes = form == Form::planes ? 2 : 1, mr = k.s8_mr / planes, nr = k.s8_nr;
  const int length = c.depth * c.taps, panels = (c.cols + nr - 1) / nr;
  const size_t panel = bt_panel_s8(&k, c.taps, c.depth);
  const Guarded packed(panel * static_cast<size_t>(panels), 64);
  bt_pack_s8(&k, c.cols, c.taps, c.depth, c.weights.data(), length, 1,
             form == Form::bytes ? c.bias.data() : nullptr, 0, packed.data());
  std::vector<float> padded = c.scale;
  padded.resize(static_cast<size_t>(panels * nr));
  const GuardedArray<float> scale(padded);
  const GuardedArray<double> starts(start);
  const Operand<X> operand(k, form, c, in);
  for (int row = 0; row < c.rows; row += mr)
    for (int panel_index = panels - 1; panel_index >= 0; --panel_index) {
      const int col = panel_index * nr, rows = std::min(mr, c.rows - row);
      bt_tile_s8 t{};
      t.rows = rows * planes;
      t.cols = std::min(nr, c.cols - col);
      t.depth = c.depth;
      t.taps = c.taps;
      std::vector<const int8_t*> a;
      for (int tap = 0; tap < c.taps; ++tap)
        for (int r = 0; r < mr; ++r)
          for (int plane = 0; plane < planes; ++plane)
            a.push_back(operand[((row + std::min(r, rows - 1)) * c.taps + tap) * planes + plane]);
      a.resize(static_cast<size_t>(c.taps * k.s8_mr), a.back());
      t.a = a.data();
      t.w = static_cast<char*>(packed.data()) + static_cast<size_t>(panel_index) * panel;
      t.c = out.at(row, col);
      t.c_stride = out.stride();
      t.scale = scale.data() + col;
      t.zero = c.zero;
      t.lo = c.lo;
      t.hi = c.hi;
      t.store = store_of<T>;
      t.planes = planes;
      t.start = start.empty() ? nullptr : starts.data() + col;
      t.finish = k.finish;
      k.tile_s8(&t);
    }
}

template <typename X, typename T>
void compare_tiles(Random& random, Form form, int rows, int cols, int depth, int taps) {
  const ByteCase c = word_case<T>(random, rows, cols, depth, taps);
  const Rows<X> in(rows * taps, depth, [&] {
    return static_cast<X>(sizeof(X) == 1 ? any_byte(random) : any_word(random));
  });
  Output<T> expected(rows, cols);
  std::vector<double> start;
  for (int j = 0; j < cols; ++j) {
    const auto column = static_cast<size_t>(j);
    const int8_t* w = c.weights.data() + column * static_cast<size_t>(depth * taps);
    int64_t weights = 0;
    for (int i = 0; i < depth * taps; ++i) weights += w[i];
    const double own = form == Form::bytes ? 0 : 1e9 * any_float(random);
    if (form != Form::bytes)
      start.push_back(std::floor(own) + (form == Form::planes ? 128.0 * double(weights) : 0.0));
    for (int r = 0; r < rows; ++r) {
      int64_t sum = form == Form::bytes ? c.bias[column] : 0;
      for (int tap = 0; tap < taps; ++tap)
        for (int i = 0; i < depth; ++i) sum += in[r * taps + tap][i] * w[tap * depth + i];
      *expected.at(r, j) = finished<T>(sum, std::floor(own), c.scale[column], c);
    }
  }
  for (const bt_kernels* k : all_tables()) {
    if (form == Form::words && k->s8_bytes != 2) continue;
    INFO(k->name << ": " << rows << " x " << cols << ", depth " << depth << ", taps " << taps);
    Output<T> out(rows, cols);
    run(*k, form, c, in, start, out);
    REQUIRE(out.same_as(expected));
  }
}

template <typename T>
void compare_all_forms(int seed) {
  Random random(static_cast<Random::result_type>(seed));
  for (int i = 0; i < 250; ++i) {
    const int rows = pick(random, {1, 2, 3, 5, 6, 7, 13}), cols = pick(random, odd_widths);
    const int depth = pick(random, {1, 2, 3, 4, 7, 8, 17, 32, 33, 56}),
              taps = pick(random, {1, 2, 9});
    compare_tiles<int8_t, T>(random, Form::bytes, rows, cols, depth, taps);
    compare_tiles<int16_t, T>(random, Form::planes, rows, cols, depth, taps);
    // Even rows, and sums that fit in 32 bits whatever the weights.
    const int even = std::min(depth * 2, 500 / taps / 2 * 2);
    compare_tiles<int16_t, T>(random, Form::words, rows, cols, even, taps);
  }
}

template <typename T>
void compare_depthwise(Random& random, int pixels, int channels, int taps, int step) {
  const ByteCase c = word_case<T>(random, pixels, channels, 1, taps);
  const int side = static_cast<int>(std::lround(std::sqrt(taps))),
            columns = (pixels - 1) * step + side;
  const Rows<int16_t> in(24, channels, [&] { return any_word(random); });
  std::vector<const int16_t*> a;
  std::vector<int32_t> at;
  for (int t = 0; t < taps; ++t) at.push_back(step ? t / side * columns + t % side : t);
  for (int i = 0; i < (step ? side * columns : pixels * taps); ++i) a.push_back(in[i]);
  const int jump = step ? step : taps;
  Output<T> expected(pixels, channels);
  std::vector<double> start;
  for (int ch = 0; ch < channels; ++ch) {
    const auto channel = static_cast<size_t>(ch);
    start.push_back(c.bias[channel]);
    for (int p = 0; p < pixels; ++p) {
      int64_t sum = 0;
      for (int t = 0; t < taps; ++t)
        sum += a[static_cast<size_t>(p * jump + at[static_cast<size_t>(t)])][ch] *
               c.weights[static_cast<size_t>(ch * taps + t)];
      *expected.at(p, ch) = finished<T>(sum, start.back(), c.scale[channel], c);
    }
  }
  const GuardedArray<float> scale(c.scale);
  const GuardedArray<double> starts(start);
  for (const bt_kernels* k : all_tables()) {
    INFO(k->name << ": " << pixels << " pixels, " << channels << " channels, taps " << taps
                 << ", step " << step);
    const Guarded packed(bt_pack_dw_s16(k, channels, taps, nullptr, nullptr), 64);
    bt_pack_dw_s16(k, channels, taps, c.weights.data(), packed.data());
    Output<T> out(pixels, channels);
    const bt_finish finish = {store_of<T>,   nullptr,      nullptr,     0,
                              starts.data(), scale.data(), c.zero,      c.lo,
                              c.hi,          out.at(0, 0), out.stride()};
    const bt_dw_s16 d = {pixels,    channels, taps,          step ? side : 0, jump,
                         at.data(), a.data(), packed.data(), finish,          k->finish};
    k->dw_s16(&d);
    REQUIRE(out.same_as(expected));
  }
}

}  // namespace

TEST_CASE("products of 16-bit values are finished as bytes", "[kernels]") {
  compare_all_forms<int8_t>(21);
}
TEST_CASE("products of 16-bit values are finished as words", "[kernels]") {
  compare_all_forms<int16_t>(22);
}
TEST_CASE("products of 16-bit values are finished as floats", "[kernels]") {
  compare_all_forms<float>(23);
}

TEST_CASE("depthwise products of 16-bit values give the results of a plain loop", "[kernels]") {
  Random random(24);
  for (int channels : odd_widths)
    for (int taps : {1, 2, 4, 9, 25, 49})
      for (int step : {0, 1, 2}) {
        if (taps == 2 && step) continue;  // windows of one line are squares
        const int pixels = pick(random, {1, 2, 3, 4, 5, 7, 8, 9, 33, BT_DW_PIXELS});
        compare_depthwise<int16_t>(random, pixels, channels, taps, step);
        compare_depthwise<int8_t>(random, pixels, channels, taps, step);
        compare_depthwise<float>(random, pixels, channels, taps, step);
      }
}
