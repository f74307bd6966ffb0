// SPDX-License-Identifier: Apache-2.0
// Tiles of matrix products and convolutions: every table that this CPU can run gives the bits of a
// plain loop over the unpacked weights, reads nothing behind a row and writes nothing beside its
// tile. Here too: packing, and the choice of tables.
#include <map>
#include <string>

#include "lib/kernels/product_cases.h"

namespace {

using namespace product_test;

void run(const bt_kernels& k, const FloatCase& c, const Rows<float>& in, Output<float>& out) {
  const int length = c.depth * c.taps, mr = k.f32_mr, nr = k.f32_nr;
  const size_t bytes = bt_pack_f32(&k, c.cols, length, nullptr, 0, 0, nullptr, nullptr);
  const size_t panel = bt_panel_f32(&k, length);
  REQUIRE(panel % 64 == 0);
  REQUIRE(bytes == panel * static_cast<size_t>((c.cols + nr - 1) / nr));
  const Guarded packed(bytes, 64);
  bt_pack_f32(&k, c.cols, length, c.weights.data(), length, 1, c.bias.data(),
              static_cast<float*>(packed.data()));
  // From right to left: a store beside a tile would spoil its neighbour.
  for (int row = 0; row < c.rows; row += mr)
    for (int col = (c.cols - 1) / nr * nr; col >= 0; col -= nr) {
      bt_tile_f32 t{};
      t.rows = std::min(mr, c.rows - row);
      t.cols = std::min(nr, c.cols - col);
      t.depth = c.depth;
      t.taps = c.taps;
      std::vector<const float*> a;
      for (int tap = 0; tap < c.taps; ++tap)
        for (int r = 0; r < mr; ++r)
          a.push_back(in[(row + std::min(r, t.rows - 1)) * c.taps + tap]);
      t.a = a.data();
      t.w = reinterpret_cast<const float*>(static_cast<char*>(packed.data()) +
                                           static_cast<size_t>(col / nr) * panel);
      t.c = out.at(row, col);
      t.c_stride = out.stride();
      t.lo = c.lo;
      t.hi = c.hi;
      k.tile_f32(&t);
    }
}

void compare_float_tiles(Random& random, int rows, int cols, int depth, int taps, bool odd) {
  const FloatCase c = float_case(random, rows, cols, depth, taps, odd);
  const Rows<float> in(rows * taps, depth,
                       [&] { return odd ? odd_float(random) : any_float(random); });
  Output<float> expected(rows, cols);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < cols; ++j) {
      float sum = c.bias[static_cast<size_t>(j)];
      for (int tap = 0; tap < taps; ++tap)
        for (int i = 0; i < depth; ++i)
          sum = std::fma(in[r * taps + tap][i],
                         c.weights[static_cast<size_t>((j * taps + tap) * depth + i)], sum);
      *expected.at(r, j) = clamped(sum, c.lo, c.hi);
    }
  for (const bt_kernels* k : all_tables()) {
    INFO(k->name << ": " << rows << " x " << cols << ", depth " << depth << ", taps " << taps
                 << (odd ? ", odd values" : ""));
    Output<float> out(rows, cols);
    run(*k, c, in, out);
    REQUIRE(out.same_as(expected));
  }
}

template <typename T>
void run(const bt_kernels& k, const ByteCase& c, const Rows<int8_t>& in, bt_store store,
         Output<T>& out) {
  const int mr = k.s8_mr, nr = k.s8_nr, length = c.depth * c.taps;
  const size_t bytes = bt_pack_s8(&k, c.cols, c.taps, c.depth, nullptr, 0, 0, nullptr, 0, nullptr);
  const size_t panel = bt_panel_s8(&k, c.taps, c.depth);
  REQUIRE(panel % 64 == 0);
  REQUIRE(bytes == panel * static_cast<size_t>((c.cols + nr - 1) / nr));
  const Guarded packed(bytes, 64);
  bt_pack_s8(&k, c.cols, c.taps, c.depth, c.weights.data(), length, 1, c.bias.data(), c.a_zero,
             packed.data());
  std::vector<float> padded = c.scale;
  padded.resize(static_cast<size_t>((c.cols + nr - 1) / nr * nr));
  const GuardedArray<float> scale(padded);
  // Rows as the table takes them, each at the end of a mapping.
  std::map<const int8_t*, std::unique_ptr<Guarded>> prepared;
  const auto prepare = [&](const int8_t* plain) {
    if (!k.prepare_s8) return plain;
    auto& row = prepared[plain];
    if (!row) {
      const size_t groups = static_cast<size_t>((c.depth + k.s8_kr - 1) / k.s8_kr);
      row = std::make_unique<Guarded>(groups * 4, 4);
      k.prepare_s8(plain, row->data(), c.depth);
    }
    return static_cast<const int8_t*>(row->data());
  };
  for (int row = 0; row < c.rows; row += mr)
    for (int col = (c.cols - 1) / nr * nr; col >= 0; col -= nr) {
      bt_tile_s8 t{};
      t.rows = std::min(mr, c.rows - row);
      t.cols = std::min(nr, c.cols - col);
      t.depth = c.depth;
      t.taps = c.taps;
      std::vector<const int8_t*> a;
      for (int tap = 0; tap < c.taps; ++tap)
        for (int r = 0; r < mr; ++r)
          a.push_back(prepare(in[(row + std::min(r, t.rows - 1)) * c.taps + tap]));
      t.a = a.data();
      t.w = static_cast<char*>(packed.data()) + static_cast<size_t>(col / nr) * panel;
      t.c = out.at(row, col);
      t.c_stride = out.stride();
      t.scale = store == BT_STORE_S32 ? nullptr : scale.data() + col;
      t.zero = c.zero;
      t.lo = c.lo;
      t.hi = c.hi;
      t.store = store;
      k.tile_s8(&t);
    }
}

void compare_byte_tiles(Random& random, int rows, int cols, int depth, int taps, Values values) {
  const ByteCase c = byte_case(random, rows, cols, depth, taps, values);
  const Rows<int8_t> in(rows * taps, depth, [&] { return input_byte(random, values); });
  Output<int8_t> bytes(rows, cols);
  Output<int32_t> sums(rows, cols);
  Output<float> floats(rows, cols);
  for (int r = 0; r < rows; ++r)
    for (int j = 0; j < cols; ++j) {
      const auto column = static_cast<size_t>(j);
      auto wrapping = static_cast<uint32_t>(c.bias[column]);
      for (int tap = 0; tap < taps; ++tap)
        for (int i = 0; i < depth; ++i)
          wrapping +=
              static_cast<uint32_t>((in[r * taps + tap][i] - c.a_zero) *
                                    c.weights[static_cast<size_t>((j * taps + tap) * depth + i)]);
      const auto sum = static_cast<int32_t>(wrapping);
      *bytes.at(r, j) = requantized(sum, c.scale[column], c.zero, c.lo, c.hi);
      *sums.at(r, j) = sum;
      *floats.at(r, j) = static_cast<float>(sum) * c.scale[column];
    }
  for (const bt_kernels* k : all_tables()) {
    INFO(k->name << ": " << rows << " x " << cols << ", depth " << depth << ", taps " << taps
                 << (values == Values::extreme ? ", extremes" : ""));
    Output<int8_t> out_bytes(rows, cols);
    run(*k, c, in, BT_STORE_S8, out_bytes);
    REQUIRE(out_bytes.same_as(bytes));
    Output<int32_t> out_sums(rows, cols);
    run(*k, c, in, BT_STORE_S32, out_sums);
    REQUIRE(out_sums.same_as(sums));
    Output<float> out_floats(rows, cols);
    run(*k, c, in, BT_STORE_F32, out_floats);
    REQUIRE(out_floats.same_as(floats));
  }
}

}  // namespace

TEST_CASE("float tiles of every size give the bits of a plain loop", "[kernels]") {
  Random random(1);
  for (int rows = 1; rows <= BT_MR_MAX + 1; ++rows)
    for (int cols : odd_widths) compare_float_tiles(random, rows, cols, 3, 2, false);
}

TEST_CASE("float tiles of any depth and number of taps give the bits of a plain loop",
          "[kernels]") {
  Random random(2);
  for (int i = 0; i < 300; ++i)
    compare_float_tiles(random, pick(random, {1, 2, 5, 6, 13, 14, 15, 29}),
                        pick(random, odd_widths),
                        pick(random, {1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33, 64, 100}),
                        pick(random, {1, 1, 2, 3, 9}), i % 2 != 0);
}

TEST_CASE("byte tiles of every size give the sums and the bytes of a plain loop", "[kernels]") {
  Random random(3);
  for (int rows = 1; rows <= BT_MR_MAX + 1; ++rows)
    for (int cols : odd_widths) compare_byte_tiles(random, rows, cols, 7, 2, Values::any);
}

TEST_CASE("byte tiles of any depth and number of taps give the sums and the bytes of a plain loop",
          "[kernels]") {
  Random random(4);
  const std::vector<int> depths = {1,   2,   3,   4,   5,   6,   7,   8,    9,   11, 15,
                                   16,  17,  27,  31,  32,  33,  47,  63,   64,  65, 100,
                                   127, 255, 300, 511, 512, 513, 515, 1023, 1030};
  for (int depth : depths)
    for (int i = 0; i < 8; ++i)
      compare_byte_tiles(random, pick(random, {1, 2, 3, 5, 6, 7, 8, 13}), pick(random, odd_widths),
                         depth, pick(random, {1, 1, 2, 3, 9}),
                         i % 2 ? Values::extreme : Values::any);
}

TEST_CASE("the clamp lets NaN and -0 pass", "[kernels]") {
  const float weights[] = {1.0f}, bias[] = {-0.0f};
  for (const bt_kernels* k : all_tables())
    for (float value : {-0.0f, 0.0f, not_a_number, -1.0f, 7.0f}) {
      INFO(k->name << ": " << value);
      const Guarded tile(bt_pack_f32(k, 1, 1, nullptr, 0, 0, nullptr, nullptr), 64);
      bt_pack_f32(k, 1, 1, weights, 1, 1, bias, static_cast<float*>(tile.data()));
      const std::vector<const float*> rows(BT_MR_MAX, &value);
      float out[2] = {5, 5};
      bt_tile_f32 t{1, 1, 1, 1, rows.data(), static_cast<const float*>(tile.data()), out, 1, 0, 6};
      k->tile_f32(&t);
      const Guarded block(bt_pack_dw_f32(k, 1, 1, nullptr, nullptr, nullptr), 64);
      bt_pack_dw_f32(k, 1, 1, weights, bias, static_cast<float*>(block.data()));
      const int32_t at = 0;
      bt_dw_f32 d{1,       1, 1, 0, 1, &at, rows.data(), static_cast<const float*>(block.data()),
                  out + 1, 1, 0, 6};
      k->dw_f32(&d);
      for (float result : out) {
        if (std::isnan(value))
          REQUIRE(std::isnan(result));
        else
          REQUIRE(result == std::min(std::max(value, 0.0f), 6.0f));
        if (value == 0) REQUIRE(std::signbit(result) == std::signbit(value));
      }
    }
}

TEST_CASE("packing does not depend on how the weights are laid out", "[kernels]") {
  Random random(7);
  for (const bt_kernels* k : all_tables())
    for (int i = 0; i < 40; ++i) {
      const int cols = pick(random, odd_widths), depth = pick(random, {1, 3, 4, 65, 130}), taps = 2;
      const int rows = depth * taps;
      INFO(k->name << ": " << rows << " x " << cols);
      std::vector<int8_t> by_column(static_cast<size_t>(rows * cols)), by_row(by_column.size());
      std::vector<float> float_column(by_column.size()), float_row(by_column.size());
      for (int j = 0; j < cols; ++j)
        for (int r = 0; r < rows; ++r) {
          const auto c = static_cast<size_t>(j * rows + r), at = static_cast<size_t>(r * cols + j);
          by_row[at] = by_column[c] = any_byte(random);
          float_row[at] = float_column[c] = any_float(random);
        }
      std::vector<char> first(bt_pack_s8(k, cols, taps, depth, nullptr, 0, 0, nullptr, 0, nullptr));
      std::vector<char> second(first.size(), 1);
      bt_pack_s8(k, cols, taps, depth, by_column.data(), rows, 1, nullptr, 3, first.data());
      bt_pack_s8(k, cols, taps, depth, by_row.data(), 1, cols, nullptr, 3, second.data());
      REQUIRE(first == second);
      first.assign(bt_pack_f32(k, cols, rows, nullptr, 0, 0, nullptr, nullptr), 0);
      second.assign(first.size(), 1);
      bt_pack_f32(k, cols, rows, float_column.data(), rows, 1, nullptr,
                  reinterpret_cast<float*>(first.data()));
      bt_pack_f32(k, cols, rows, float_row.data(), 1, cols, nullptr,
                  reinterpret_cast<float*>(second.data()));
      REQUIRE(first == second);
    }
}

TEST_CASE("tables are found by name, and the best is the last that can run", "[kernels]") {
  const std::vector<std::string> known = {"scalar",     "avx2", "avxvnni", "avx512",
                                          "avx512vnni", "neon", "neondot"};
  for (size_t i = 0; i < known.size(); ++i)
    REQUIRE(bt_kernels_known(static_cast<int>(i)) == known[i]);
  REQUIRE(bt_kernels_known(static_cast<int>(known.size())) == nullptr);
  REQUIRE(bt_kernels_known(-1) == nullptr);
  const auto tables = all_tables();
  REQUIRE(tables.front() == bt_kernels_named("scalar"));
  REQUIRE(tables.back() == bt_kernels_best());
  REQUIRE(bt_kernels_at(-1) == nullptr);
  REQUIRE(bt_kernels_named("") == nullptr);
  REQUIRE(bt_kernels_named("sse9") == nullptr);
  auto from = known.begin();
  for (const bt_kernels* k : tables) {
    REQUIRE(bt_kernels_named(k->name) == k);
    from = std::find(from, known.end(), k->name);
    REQUIRE(from != known.end());
    REQUIRE(k->f32_mr <= BT_MR_MAX);
    REQUIRE(k->f32_nr <= BT_NR_MAX);
    REQUIRE(k->s8_mr <= BT_MR_MAX);
    REQUIRE(k->s8_nr <= BT_NR_MAX);
  }
}
