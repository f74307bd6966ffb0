// SPDX-License-Identifier: Apache-2.0
// The row kernels: every table that this CPU can run gives the bits of the scalar one, and the
// scalar one does what kernels.h says.
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernels.h"

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan = std::numeric_limits<float>::quiet_NaN();

const bt_kernels& scalar() { return *bt_kernels_named("scalar"); }

std::vector<const bt_kernels*> faster_tables() {
  std::vector<const bt_kernels*> tables;
  for (int i = 0; bt_kernels_at(i); ++i)
    if (bt_kernels_at(i) != &scalar()) tables.push_back(bt_kernels_at(i));
  return tables;
}

// All lengths up to a few vectors, and some that take the long loops.
std::vector<size_t> lengths() {
  std::vector<size_t> all(101);
  for (size_t n = 0; n <= 100; ++n) all[n] = n;
  all.insert(all.end(), {127, 128, 255, 256, 257, 511, 1000, 4099});
  return all;
}

// Bytes of an output with untouched bytes on both sides; `offset` elements move it off alignment.
template <typename T>
class Row {
 public:
  Row(size_t count, size_t offset) : count_(count), start_(guard + offset * sizeof(T)) {
    bytes_.assign(start_ + count * sizeof(T) + guard, 0xa5);
  }
  Row(const std::vector<T>& values, size_t offset) : Row(values.size(), offset) {
    std::copy(values.begin(), values.end(), data());
  }
  T* data() { return reinterpret_cast<T*>(bytes_.data() + start_); }
  bool guards_are_intact() const {
    const auto untouched = [](unsigned char byte) { return byte == 0xa5; };
    const auto end = bytes_.begin() + static_cast<std::ptrdiff_t>(start_ + count_ * sizeof(T));
    return std::all_of(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(start_),
                       untouched) &&
           std::all_of(end, bytes_.end(), untouched);
  }
  std::vector<T> values() { return std::vector<T>(data(), data() + count_); }

 private:
  static constexpr size_t guard = 128;
  size_t count_, start_;
  std::vector<unsigned char> bytes_;
};

// Any NaN equals any other: which one an operation returns differs between processors.
bool same(float a, float b) {
  return (std::isnan(a) && std::isnan(b)) || std::memcmp(&a, &b, sizeof a) == 0;
}
bool same(int8_t a, int8_t b) { return a == b; }

template <typename T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](T x, T y) { return same(x, y); });
}

std::mt19937& bits() {
  static std::mt19937 generator{7};
  return generator;
}

// Numbers as in a network, all kinds of bit patterns, and the special values.
std::vector<float> sample_floats(size_t n) {
  static const float special[] = {0.0f,    -0.0f,     1.0f,           -1.0f,   0.5f,     inf,
                                  -inf,    nan,       -nan,           3.4e38f, -3.4e38f, 1e-40f,
                                  -1e-45f, 88.72284f, -87.4f,         -103.9f, 127.5f,   128.5f,
                                  -128.5f, 2.5f,      1.17549435e-38f};
  std::vector<float> x(n);
  for (float& v : x) {
    const uint32_t word = static_cast<uint32_t>(bits()());
    if (word % 8 == 0) {
      v = special[word / 8 % std::size(special)];
    } else if (word % 8 == 1) {
      std::memcpy(&v, &word, sizeof v);
    } else {
      v = (static_cast<float>(word >> 8) * 0x1p-23f - 1.0f) * 12.0f;
    }
  }
  return x;
}

std::vector<float> sample_numbers(size_t n) {
  std::vector<float> x(n);
  for (float& v : x) v = (static_cast<float>(bits()() >> 8) * 0x1p-23f - 1.0f) * 12.0f;
  return x;
}

std::vector<int8_t> sample_bytes(size_t n) {
  std::vector<int8_t> x(n);
  for (int8_t& v : x) v = static_cast<int8_t>(bits()() >> 24);
  return x;
}

std::vector<float> call(bt_unary_fn f, const std::vector<float>& x) {
  std::vector<float> y(x.size());
  f(x.data(), y.data(), x.size());
  return y;
}

// ---- every table against scalar ----

// Runs `body` on outputs of both tables, for every faster table, length and some offsets.
template <typename T>
void compare(
    const std::string& what,
    const std::function<std::function<void(const bt_kernels&, T*)>(size_t n, size_t offset)>&
        prepare) {
  for (const bt_kernels* table : faster_tables()) {
    bool equal = true, intact = true;
    for (const size_t n : lengths()) {
      const size_t offset = n % 5;
      const auto body = prepare(n, offset);
      Row<T> expected(n, 0), got(n, offset);
      body(scalar(), expected.data());
      body(*table, got.data());
      equal = equal && same(expected.values(), got.values());
      intact = intact && got.guards_are_intact() && expected.guards_are_intact();
    }
    INFO(what << " in table " << table->name);
    CHECK(equal);
    CHECK(intact);
  }
}

TEST_CASE("unary rows equal scalar", "[kernels]") {
  for (int f = 0; f < BT_UNARY_COUNT; ++f) {
    compare<float>("function " + std::to_string(f), [f](size_t n, size_t offset) {
      Row<float> x(sample_floats(n), offset);
      return [f, n, x](const bt_kernels& k, float* y) mutable { k.unary[f](x.data(), y, n); };
    });
    compare<float>("function in place " + std::to_string(f), [f](size_t n, size_t) {
      return [f, n, x = sample_floats(n)](const bt_kernels& k, float* y) {
        std::copy(x.begin(), x.end(), y);
        k.unary[f](y, y, n);
      };
    });
  }
}

TEST_CASE("binary rows equal scalar", "[kernels]") {
  for (int f = 0; f < BT_BINARY_COUNT; ++f)
    for (const bt_operand one : {BT_BOTH, BT_A_ONE, BT_B_ONE}) {
      compare<float>("function " + std::to_string(f), [f, one](size_t n, size_t offset) {
        Row<float> a(sample_floats(n), offset), b(sample_floats(n), offset + 1);
        return [f, n, one, a, b](const bt_kernels& k, float* y) mutable {
          k.binary[f](a.data(), b.data(), y, n, one);
        };
      });
      compare<float>("function in place " + std::to_string(f), [f, one](size_t n, size_t) {
        return [f, n, one, a = sample_floats(n + 1), b = sample_floats(n + 1)](const bt_kernels& k,
                                                                               float* y) {
          std::copy(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), y);
          if (one == BT_A_ONE)
            k.binary[f](b.data(), y, y, n, one);
          else
            k.binary[f](y, b.data(), y, n, one);
        };
      });
    }
}

TEST_CASE("float rows with parameters equal scalar", "[kernels]") {
  compare<float>("clamp", [](size_t n, size_t offset) {
    Row<float> x(sample_floats(n), offset);
    return [n, x](const bt_kernels& k, float* y) mutable { k.clamp(x.data(), y, n, -1.5f, 6.0f); };
  });
  for (int count = 0; count < 6; ++count)
    compare<float>("max_f32", [count](size_t n, size_t offset) {
      std::vector<Row<float>> rows;
      for (int r = 0; r < count; ++r) rows.emplace_back(sample_floats(n), offset);
      return [n, rows, before = sample_floats(n)](const bt_kernels& k, float* y) mutable {
        std::copy(before.begin(), before.end(), y);
        std::vector<const float*> a;
        for (Row<float>& row : rows) a.push_back(row.data());
        k.max_f32(a.data(), static_cast<int>(a.size()), y, n);
      };
    });
  for (int given = 0; given < 4; ++given)
    compare<float>("scale_shift", [given](size_t n, size_t offset) {
      Row<float> x(sample_floats(n), offset), gain(sample_floats(n), 1), shift(sample_floats(n), 2);
      return [=](const bt_kernels& k, float* y) mutable {
        k.scale_shift(x.data(), y, n, 0.3f, 1.7f, given & 1 ? gain.data() : nullptr,
                      given & 2 ? shift.data() : nullptr);
      };
    });
}

// The result of a reduction is the output; row `special` decides about NaN and inf.
TEST_CASE("reductions equal scalar", "[kernels]") {
  for (const bool special : {false, true}) {
    const auto sample = special ? sample_floats : sample_numbers;
    for (const bt_kernels* table : faster_tables())
      for (const size_t n : lengths()) {
        Row<float> x(sample(n), n % 5);
        INFO(table->name << ", length " << n);
        CHECK(same(table->sum(x.data(), n), scalar().sum(x.data(), n)));
        CHECK(same(table->sum_square(x.data(), n, 0.7f), scalar().sum_square(x.data(), n, 0.7f)));
        CHECK(same(table->max_of(x.data(), n), scalar().max_of(x.data(), n)));
        Row<float> y(n, n % 3), expected(n, 0);
        const float sum = table->sum_exp(y.data(), x.data(), n, 3.0f);
        CHECK(same(sum, scalar().sum_exp(expected.data(), x.data(), n, 3.0f)));
        CHECK(same(y.values(), expected.values()));
        CHECK(y.guards_are_intact());
      }
  }
}

TEST_CASE("rows between floats and bytes equal scalar", "[kernels]") {
  for (const int32_t zero : {-128, -3, 0, 5, 127}) {
    for (const float scale : {0.01f, 1.0f, 37.5f, 1e30f})
      compare<int8_t>("quantize", [=](size_t n, size_t offset) {
        Row<float> x(sample_floats(n), offset);
        return [=](const bt_kernels& k, int8_t* y) mutable {
          k.quantize(x.data(), y, n, scale, zero);
        };
      });
    compare<float>("dequantize", [=](size_t n, size_t offset) {
      Row<int8_t> x(sample_bytes(n), offset);
      return [=](const bt_kernels& k, float* y) mutable {
        k.dequantize(x.data(), y, n, 0.0123f, zero);
      };
    });
    for (const float factor : {0.004f, 0.5f, 1.0f, 2.5f, 200.0f, 1e30f})
      compare<int8_t>("requantize", [=](size_t n, size_t offset) {
        Row<int8_t> x(sample_bytes(n), offset);
        return [=](const bt_kernels& k, int8_t* y) mutable {
          k.requantize(x.data(), y, n, factor, -zero / 2, zero);
        };
      });
  }
}

TEST_CASE("rows of bytes equal scalar", "[kernels]") {
  compare<int8_t>("table", [](size_t n, size_t offset) {
    Row<int8_t> x(sample_bytes(n), offset);
    return [n, x, table = sample_bytes(256)](const bt_kernels& k, int8_t* y) mutable {
      k.table_s8(x.data(), y, n, table.data());
    };
  });
  for (int count = 0; count < 6; ++count)
    compare<int8_t>("max", [count](size_t n, size_t offset) {
      std::vector<Row<int8_t>> rows;
      for (int r = 0; r < count; ++r) rows.emplace_back(sample_bytes(n), offset);
      return [n, rows, before = sample_bytes(n)](const bt_kernels& k, int8_t* y) mutable {
        std::copy(before.begin(), before.end(), y);
        std::vector<const int8_t*> a;
        for (Row<int8_t>& row : rows) a.push_back(row.data());
        k.max_s8(a.data(), static_cast<int>(a.size()), y, n);
      };
    });
  const bt_add_s8 parameters[] = {
      {0, 0, 1 << 20, 1 << 20, 20, 0, -128, 127},
      {-128, 127, 1 << 21, -(1 << 21), 30, 127, -128, 127},
      {127, -128, (1 << 21) - 1, 1234567, 13, -128, -100, 100},
      {5, -9, -777777, 3, 1, 3, 3, 127},
  };
  for (const bt_operand one : {BT_BOTH, BT_A_ONE, BT_B_ONE}) {
    for (const bt_add_s8& p : parameters)
      compare<int8_t>("add", [=](size_t n, size_t offset) {
        Row<int8_t> a(sample_bytes(n), offset), b(sample_bytes(n), offset + 1);
        return [=](const bt_kernels& k, int8_t* y) mutable {
          k.add_s8(a.data(), b.data(), y, n, one, &p);
        };
      });
    for (const float factor : {0.001f, 0.0078125f, 0.5f, -0.01f, 1e30f})
      compare<int8_t>("mul", [=](size_t n, size_t offset) {
        Row<int8_t> a(sample_bytes(n), offset), b(sample_bytes(n), offset + 1);
        return [=](const bt_kernels& k, int8_t* y) mutable {
          k.mul_s8(a.data(), b.data(), y, n, one, -128, 100, factor, -7, -100, 120);
        };
      });
  }
}

TEST_CASE("rows of bytes in place equal scalar", "[kernels]") {
  compare<int8_t>("in place", [](size_t n, size_t) {
    const bt_add_s8 p = {1, 2, 1 << 20, 1 << 19, 20, 3, -128, 127};
    return [=, a = sample_bytes(n), table = sample_bytes(256)](const bt_kernels& k, int8_t* y) {
      std::copy(a.begin(), a.end(), y);
      k.requantize(y, y, n, 0.9f, 2, -1);
      k.table_s8(y, y, n, table.data());
      k.add_s8(y, a.data(), y, n, BT_BOTH, &p);
      k.mul_s8(a.data(), y, y, n, BT_BOTH, 1, 2, 0.03f, 4, -128, 127);
    };
  });
}

// ---- scalar against the contract ----

TEST_CASE("sums use sixteen chains joined by halves", "[kernels]") {
  for (const size_t n : lengths()) {
    const std::vector<float> x = sample_numbers(n);
    float sums[16] = {}, squares[16] = {};
    for (size_t i = 0; i < n; ++i) {
      sums[i % 16] += x[i];
      squares[i % 16] = std::fma(x[i] - 0.7f, x[i] - 0.7f, squares[i % 16]);
    }
    for (size_t width = 8; width > 0; width /= 2)
      for (size_t j = 0; j < width; ++j) {
        sums[j] += sums[j + width];
        squares[j] += squares[j + width];
      }
    CHECK(same(scalar().sum(x.data(), n), sums[0]));
    CHECK(same(scalar().sum_square(x.data(), n, 0.7f), squares[0]));
    std::vector<float> y(n);
    const float sum = scalar().sum_exp(y.data(), x.data(), n, 5.0f);
    CHECK(same(sum, scalar().sum(y.data(), n)));
    for (size_t i = 0; i < n; ++i) CHECK(y[i] == Approx(std::exp(x[i] - 5.0f)).epsilon(2e-7));
  }
}

TEST_CASE("maxima see NaN and the sign of zero", "[kernels]") {
  const auto max_of = [](std::vector<float> x) { return scalar().max_of(x.data(), x.size()); };
  CHECK(same(max_of({}), -inf));
  CHECK(same(max_of({-inf, -inf}), -inf));
  CHECK(same(max_of({-3.0f, -2.0f, -4.0f}), -2.0f));
  CHECK(same(max_of({-0.0f, -1.0f}), -0.0f));
  CHECK(same(max_of({-0.0f, 0.0f, -0.0f}), 0.0f));
  CHECK(same(max_of({1.0f, inf, 3e38f}), inf));
  CHECK(same(max_of({1.0f, nan, 2.0f}), nan));
  CHECK(same(max_of({inf, -nan, 2.0f}), nan));
}

TEST_CASE("binary functions are those of IEEE, minimum and maximum hand on NaN", "[kernels]") {
  const auto binary = [](bt_binary f, float a, float b) {
    float y = 0;
    scalar().binary[f](&a, &b, &y, 1, BT_BOTH);
    return y;
  };
  for (int i = 0; i < 2000; ++i) {
    const float a = sample_floats(1)[0], b = sample_floats(1)[0];
    CHECK(same(binary(BT_ADD, a, b), a + b));
    CHECK(same(binary(BT_SUB, a, b), a - b));
    CHECK(same(binary(BT_MUL, a, b), a * b));
    CHECK(same(binary(BT_DIV, a, b), a / b));
    const bool is_number = !std::isnan(a) && !std::isnan(b);
    CHECK(same(binary(BT_MIN, a, b), is_number ? (a < b ? a : b) : nan));
    CHECK(same(binary(BT_MAX, a, b), is_number ? (a > b ? a : b) : nan));
  }
  CHECK(same(binary(BT_MIN, -0.0f, 0.0f), 0.0f));
  CHECK(same(binary(BT_MAX, 0.0f, -0.0f), -0.0f));
}

TEST_CASE("clamp lets NaN pass", "[kernels]") {
  const std::vector<float> x = {nan, -inf, -2.0f, -0.0f, 0.5f, 7.0f, inf};
  std::vector<float> y(x.size());
  scalar().clamp(x.data(), y.data(), x.size(), 0.0f, 6.0f);
  CHECK(same(y, {nan, 0.0f, 0.0f, -0.0f, 0.5f, 6.0f, 6.0f}));
  CHECK(same(call(scalar().unary[BT_RELU], x), {nan, 0.0f, 0.0f, -0.0f, 0.5f, 7.0f, inf}));
}

TEST_CASE("scale_shift takes missing rows as ones and zeros", "[kernels]") {
  const std::vector<float> x = sample_floats(500), gain = sample_floats(500),
                           shift = sample_floats(500), ones(500, 1.0f), zeros(500, 0.0f);
  const auto run = [&](const float* g, const float* s) {
    std::vector<float> y(x.size());
    scalar().scale_shift(x.data(), y.data(), x.size(), 0.3f, 1.7f, g, s);
    return y;
  };
  CHECK(same(run(nullptr, nullptr), run(ones.data(), zeros.data())));
  CHECK(same(run(gain.data(), nullptr), run(gain.data(), zeros.data())));
  CHECK(same(run(nullptr, shift.data()), run(ones.data(), shift.data())));
  const std::vector<float> y = run(gain.data(), shift.data());
  for (size_t i = 0; i < y.size(); ++i)
    CHECK(same(y[i], std::fma((x[i] - 0.3f) * 1.7f, gain[i], shift[i])));
}

// FNV-1a of the outputs with every NaN made the same.
uint64_t hash_of(const std::vector<float>& values) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const float v : values) {
    uint32_t word = 0x7fc00000u;
    if (!std::isnan(v)) std::memcpy(&word, &v, sizeof word);
    for (int shift = 0; shift < 32; shift += 8)
      hash = (hash ^ (word >> shift & 0xff)) * 0x100000001b3u;
  }
  return hash;
}

TEST_CASE("functions have the same bits on every machine", "[kernels]") {
  // Every 65537th float. A change of a formula changes its hash, and with it every model's output.
  std::vector<float> x;
  for (uint64_t word = 0; word < (uint64_t{1} << 32); word += 65537) {
    const uint32_t low = static_cast<uint32_t>(word);
    x.emplace_back();
    std::memcpy(&x.back(), &low, sizeof low);
  }
  const struct {
    bt_unary function;
    uint64_t hash;
  } stored[] = {
      {BT_EXP, 0x7677dc3fbd009c79u},        {BT_LOG, 0x2dd045f44890a597u},
      {BT_TANH, 0xa13d3d7f8f54e171u},       {BT_SIGMOID, 0xdbf731ac2e4ebb02u},
      {BT_ERF, 0x4dad0c48899efb3au},        {BT_GELU, 0x9876e754b2cf2fb2u},
      {BT_GELU_TANH, 0x08aed65741885168u},  {BT_SILU, 0xbbba69cbdd0bda1bu},
      {BT_HARD_SWISH, 0x5c7031c63ea66117u},
  };
  for (const auto& s : stored) {
    INFO("function " << s.function);
    CHECK(hash_of(call(scalar().unary[s.function], x)) == s.hash);
  }
}

// The rule of kernels.h with double and the C library's rounding; f is a float already.
int8_t to_byte(float f, int32_t zero, int32_t lo, int32_t hi) {
  if (std::isnan(f)) return static_cast<int8_t>(zero);
  const double bounded = std::min(std::max<double>(f, lo - zero), static_cast<double>(hi - zero));
  return static_cast<int8_t>(std::nearbyint(bounded) + zero);
}

TEST_CASE("quantize and dequantize follow their rule", "[kernels]") {
  std::vector<float> x = sample_floats(3000);
  for (int i = -600; i <= 600; ++i) x.push_back(static_cast<float>(i) * 0.25f);  // ties
  for (const int32_t zero : {-128, -1, 0, 77, 127})
    for (const float scale : {1.0f, 2.0f, 0.37f}) {
      std::vector<int8_t> y(x.size());
      scalar().quantize(x.data(), y.data(), x.size(), scale, zero);
      for (size_t i = 0; i < x.size(); ++i) CHECK(y[i] == to_byte(x[i] * scale, zero, -128, 127));
      std::vector<float> back(x.size());
      scalar().dequantize(y.data(), back.data(), y.size(), scale, zero);
      for (size_t i = 0; i < y.size(); ++i)
        CHECK(same(back[i], static_cast<float>(y[i] - zero) * scale));
    }
}

std::vector<int8_t> every_byte() {
  std::vector<int8_t> all(256);
  for (int i = 0; i < 256; ++i) all[static_cast<size_t>(i)] = static_cast<int8_t>(i - 128);
  return all;
}

TEST_CASE("requantize and table follow their rule for every byte", "[kernels]") {
  const std::vector<int8_t> x = every_byte(), table = sample_bytes(256);
  std::vector<int8_t> y(256);
  for (const int32_t in_zero : {-128, 0, 9, 127})
    for (const int32_t zero : {-128, 0, 9, 127})
      for (const float factor : {0.5f, 0.25f, 1.0f, 0.333f, 3.0f, 1e20f}) {
        scalar().requantize(x.data(), y.data(), 256, factor, in_zero, zero);
        for (size_t i = 0; i < 256; ++i)
          CHECK(y[i] == to_byte(static_cast<float>(x[i] - in_zero) * factor, zero, -128, 127));
      }
  scalar().table_s8(x.data(), y.data(), 256, table.data());
  CHECK(y == table);
}

TEST_CASE("sums and products of bytes follow their rule for every pair", "[kernels]") {
  const std::vector<int8_t> b = every_byte();
  std::vector<int8_t> sum(256), product(256);
  for (const bt_add_s8& p : {bt_add_s8{3, -7, 1234567, 765432, 20, 5, -128, 127},
                             bt_add_s8{-128, 127, 1 << 21, -(1 << 21), 30, -128, -90, 90},
                             bt_add_s8{127, 127, 1 << 21, 1 << 21, 22, 0, -128, 127}})
    for (const int8_t a : every_byte()) {
      scalar().add_s8(&a, b.data(), sum.data(), 256, BT_A_ONE, &p);
      scalar().mul_s8(&a, b.data(), product.data(), 256, BT_A_ONE, p.a_zero, p.b_zero, 0.0078125f,
                      p.zero, p.lo, p.hi);
      bool equal = true;
      for (size_t i = 0; i < 256; ++i) {
        const int64_t exact = int64_t{a - p.a_zero} * p.a_factor +
                              int64_t{b[i] - p.b_zero} * p.b_factor + (int64_t{1} << (p.shift - 1));
        const double shifted = std::floor(std::ldexp(static_cast<double>(exact), -p.shift));
        const double expected = std::clamp<double>(shifted + p.zero, p.lo, p.hi);
        const float f = static_cast<float>((a - p.a_zero) * (b[i] - p.b_zero)) * 0.0078125f;
        equal = equal && sum[i] == expected && product[i] == to_byte(f, p.zero, p.lo, p.hi);
      }
      CHECK(equal);
    }
}

}  // namespace
