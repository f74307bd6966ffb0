// SPDX-License-Identifier: Apache-2.0
// What the tests of the product kernels share: operands at the end of a mapping, outputs with
// guards, random layers, and what becomes of a sum.
#pragma once
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
#endif

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <type_traits>
#include <vector>

#include "kernels/kernels.h"

namespace product_test {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float huge = std::numeric_limits<float>::max();
constexpr float tiny = std::numeric_limits<float>::denorm_min();

inline std::vector<const bt_kernels*> all_tables() {
  std::vector<const bt_kernels*> tables;
  for (int i = 0; bt_kernels_at(i); ++i) tables.push_back(bt_kernels_at(i));
  return tables;
}

// Memory that ends where a mapping ends: reading one byte more is a crash.
class Guarded {
 public:
  explicit Guarded(size_t bytes, size_t alignment = 1) {
    const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    const size_t body = (rounded + page - 1) / page * page;
    size_ = body + page;
    map_ = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(map_ != MAP_FAILED);
    REQUIRE(mprotect(static_cast<char*>(map_) + body, page, PROT_NONE) == 0);
    data_ = static_cast<char*>(map_) + body - rounded;
  }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;
  ~Guarded() { munmap(map_, size_); }
  void* data() const { return data_; }

 private:
  void* map_;
  size_t size_;
  void* data_;
};

template <typename T>
class GuardedArray {
 public:
  explicit GuardedArray(const std::vector<T>& values)
      : memory_(std::max<size_t>(values.size(), 1) * sizeof(T), alignof(T)) {
    std::copy(values.begin(), values.end(), data());
  }
  T* data() const { return static_cast<T*>(memory_.data()); }

 private:
  Guarded memory_;
};

// Operand rows by number. There are fewer than a large case asks for; then some are the same.
template <typename T>
class Rows {
 public:
  template <typename Draw>
  Rows(int count, int length, Draw draw) {
    for (int i = 0; i < std::min(count, 24); ++i) {
      std::vector<T> row(static_cast<size_t>(length));
      for (T& value : row) value = draw();
      rows_.push_back(std::make_unique<GuardedArray<T>>(row));
    }
  }
  const T* operator[](int i) const { return rows_[static_cast<size_t>(i) % rows_.size()]->data(); }

 private:
  std::vector<std::unique_ptr<GuardedArray<T>>> rows_;
};

// An output matrix with untouched elements around it and between its rows.
template <typename T>
class Output {
 public:
  Output(int rows, int cols)
      : rows_(rows), cols_(cols), stride_(cols + gap), all_(guard * 2 + area(), filler()) {}
  T* at(int row, int col) { return all_.data() + guard + row * stride_ + col; }
  std::ptrdiff_t stride() const { return stride_; }
  // Compares everything, guards too. Which NaN an operation returns differs between processors.
  bool same_as(const Output& other) const {
    return std::equal(all_.begin(), all_.end(), other.all_.begin(), other.all_.end(), same);
  }
  static bool same(T a, T b) {
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(a) && std::isnan(b)) return true;
    }
    return std::memcmp(&a, &b, sizeof a) == 0;
  }

 private:
  static constexpr size_t guard = 96;
  static constexpr int gap = 67;
  static T filler() { return static_cast<T>(-91.5); }
  size_t area() const { return static_cast<size_t>(rows_) * static_cast<size_t>(stride_); }
  int rows_, cols_;
  std::ptrdiff_t stride_;
  std::vector<T> all_;
};

using Random = std::mt19937;

inline int pick(Random& random, const std::vector<int>& from) {
  return from[std::uniform_int_distribution<size_t>(0, from.size() - 1)(random)];
}

inline int8_t any_byte(Random& random) {
  return static_cast<int8_t>(std::uniform_int_distribution<int>(-128, 127)(random));
}

inline float any_float(Random& random) {
  return std::uniform_real_distribution<float>(-1, 1)(random);
}

// Mostly what breaks kernels.
inline float odd_float(Random& random) {
  static const std::vector<float> odd = {0.0f,  -0.0f, inf,   -inf, not_a_number, huge,
                                         -huge, tiny,  -tiny, 1.0f, -1.0f,        1e-20f};
  const size_t i = std::uniform_int_distribution<size_t>(0, odd.size() * 3)(random);
  return i < odd.size() ? odd[i] : any_float(random);
}

// ---- layers ----

struct FloatCase {
  int rows, cols, depth, taps;
  float lo, hi;
  std::vector<float> weights, bias;  // weights: [cols][taps * depth]
};

inline FloatCase float_case(Random& random, int rows, int cols, int depth, int taps, bool odd) {
  FloatCase c{rows, cols, depth, taps, -inf, inf, {}, {}};
  switch (std::uniform_int_distribution<int>(0, 3)(random)) {
    case 0:
      c.lo = 0;
      break;
    case 1:
      c.lo = 0, c.hi = 6;
      break;
    case 2:
      c.lo = -0.5f, c.hi = 0.25f;
      break;
    default:
      break;
  }
  c.weights.resize(static_cast<size_t>(cols * depth * taps));
  c.bias.resize(static_cast<size_t>(cols));
  for (float& v : c.weights) v = odd ? odd_float(random) : any_float(random);
  for (float& v : c.bias) v = odd ? odd_float(random) : any_float(random);
  return c;
}

inline float clamped(float v, float lo, float hi) { return v < lo ? lo : v > hi ? hi : v; }

enum class Values { any, extreme };

struct ByteCase {
  int rows, cols, depth, taps;
  int32_t a_zero, zero, lo, hi;
  std::vector<int8_t> weights;  // [cols][taps * depth]
  std::vector<int32_t> bias;
  std::vector<float> scale;  // one per column
};

inline int8_t weight_byte(Random& random, Values values) {
  if (values == Values::any) return any_byte(random);
  return static_cast<int8_t>(pick(random, {127, 127, 127, -127, -128}));
}

inline int8_t input_byte(Random& random, Values values) {
  if (values == Values::any) return any_byte(random);
  return static_cast<int8_t>(pick(random, {-128, -128, -128, 127}));
}

// Factors that give every kind of result: ties, zeros, the whole range, overflow to infinity.
inline float any_scale(Random& random) {
  switch (std::uniform_int_distribution<int>(0, 7)(random)) {
    case 0:
      return 0.5f;
    case 1:
      return 0.25f;
    case 2:
      return 1e-30f;
    case 3:
      return huge;
    case 4:
      return tiny;
    case 5:
      return 1e30f;
    default:
      return std::exp(std::uniform_real_distribution<float>(-12, 1)(random));
  }
}

inline void draw_limits(Random& random, int32_t& zero, int32_t& lo, int32_t& hi) {
  zero = pick(random, {-128, -3, 0, 5, 127});
  switch (std::uniform_int_distribution<int>(0, 3)(random)) {
    case 0:
      lo = zero, hi = 127;
      break;
    case 1:
      lo = -100, hi = 90;
      break;
    case 2:
      lo = hi = 3;
      break;
    default:
      lo = -128, hi = 127;
      break;
  }
}

inline ByteCase byte_case(Random& random, int rows, int cols, int depth, int taps, Values values) {
  ByteCase c{rows, cols, depth, taps, pick(random, {-128, 0, 7, 127}), 0, 0, 0, {}, {}, {}};
  draw_limits(random, c.zero, c.lo, c.hi);
  c.weights.resize(static_cast<size_t>(cols * depth * taps));
  for (int8_t& v : c.weights) v = weight_byte(random, values);
  // Vectors requantize by factors below 1; one that is not sends the whole tile another way.
  const bool below_1 = pick(random, {0, 1}) == 1;
  for (int j = 0; j < cols; ++j) {
    c.bias.push_back(std::uniform_int_distribution<int32_t>(-100000, 100000)(random));
    // Sums that do not fit wrap around, in every table.
    if (values == Values::extreme && j % 4 == 0)
      c.bias.back() = std::numeric_limits<int32_t>::max();
    // As large as a sum can be: with a factor of 1 it does not fit in 32 bits any more.
    if (values == Values::extreme && j % 8 == 0)
      std::fill_n(c.weights.begin() + static_cast<ptrdiff_t>(j) * depth * taps, depth * taps, int8_t{0});
    if (values == Values::extreme && j % 4 == 1)
      c.bias.back() = std::numeric_limits<int32_t>::min();
    c.scale.push_back(any_scale(random));
    if (below_1 && c.scale.back() >= 1) c.scale.back() = std::nextafter(1.0f, 0.0f);
  }
  return c;
}

inline int8_t requantized(int32_t sum, float scale, int32_t zero, int32_t lo, int32_t hi) {
  const float f = clamped(static_cast<float>(sum) * scale, static_cast<float>(lo - zero),
                          static_cast<float>(hi - zero));
  return static_cast<int8_t>(static_cast<int32_t>(std::nearbyint(f)) + zero);
}

inline const std::vector<int> odd_widths = {1,  2,  3,  5,  7,  8,  9,  15, 16, 17, 23, 24,  31, 32,
                                            33, 40, 47, 48, 49, 63, 64, 65, 79, 80, 96, 100, 129};

}  // namespace product_test
