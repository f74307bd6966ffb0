// SPDX-License-Identifier: Apache-2.0
// Rounding to integers and back, moved axes, and tensors that came before.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/random.h"
#include "ir/permute.h"
#include "ir/quant.h"
#include "ir/tensor_index.h"
#include "tests/catch.h"

namespace bantam {
namespace {

std::vector<float> awkward_numbers(size_t n) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::vector<float> edges = {0.0f, -0.0f, 0.5f, -0.5f, 1.5f, 2.5f, 126.5f, 127.5f, -127.5f, -128.5f, 1e30f, -1e30f, kInf, -kInf, NAN, 1e-40f};
  Random random(3);
  std::vector<float> values(n);
  for (size_t i = 0; i < n; ++i) values[i] = i % 3 == 0 ? edges[i / 3 % edges.size()] : (static_cast<float>(random.below(60001)) - 30000.0f) / 100.0f;
  return values;
}

// The rule as ir/quant.h states it.
int64_t rounded(float v, const Quant& q, size_t c) {
  if (std::isnan(v)) return q.zero_at(c);
  const double steps = std::nearbyint(static_cast<double>(v / q.scale[c])) + q.zero_at(c);
  return static_cast<int64_t>(std::clamp(steps, static_cast<double>(q.lo()), static_cast<double>(q.hi())));
}

TEST_CASE("integers are the nearest, with halves to even", "[quant]") {
  const Shape shape = {3, 5, 16};
  const auto values = awkward_numbers(240);
  const Tensor reals = Tensor::of_floats(shape, values);
  for (const DType storage : {BT_I8, BT_U8, BT_I16, BT_I32})
    for (const int axis : {-1, 0, 1, 2})
      for (const int32_t zero : {0, 7}) {
        Quant q;
        q.storage = storage;
        q.bits = storage == BT_I32 ? 20 : storage == BT_I16 ? 16 : 8;
        q.axis = axis;
        const size_t channels = axis < 0 ? 1 : static_cast<size_t>(shape[static_cast<size_t>(axis)]);
        for (size_t c = 0; c < channels; ++c) q.scale.push_back(c % 2 ? 0.75f : 1.0f), q.zero.push_back(zero);
        const ChannelIndex channel(shape, q);
        const Tensor integers = encode(reals, q), back = decode(integers, q);
        for (int64_t i = 0; i < reals.count(); ++i) {
          INFO(bt_dtype_name(storage) << " axis " << axis << " element " << i << ": " << values[static_cast<size_t>(i)]);
          REQUIRE(integers.integer(i) == rounded(values[static_cast<size_t>(i)], q, channel(i)));
          REQUIRE(back.floats()[static_cast<size_t>(i)] == static_cast<float>(integers.integer(i) - zero) * q.scale[channel(i)]);
        }
      }
}

TEST_CASE("axes of length 1 move without a copy, others move their elements", "[ir]") {
  std::vector<int64_t> numbers(24);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<int64_t>(i);
  const Tensor t = Tensor::of_ints({4, 1, 2, 3}, numbers);
  const Tensor same = permuted(t, {0, 2, 3, 1});
  CHECK(same.shape() == Shape{4, 2, 3, 1});
  CHECK(same.bytes().data() == t.bytes().data());
  const Tensor moved = permuted(t, {3, 0, 1, 2});
  CHECK(moved.shape() == Shape{3, 4, 1, 2});
  for (int64_t i = 0; i < 24; ++i) CHECK(moved.integer(i) == (i % 8 / 2) * 6 + i % 2 * 3 + i / 8);
  CHECK(permuted(moved, inverse({3, 0, 1, 2})) == t);
}

TEST_CASE("a tensor has the number of the first that equals it", "[ir]") {
  std::vector<int64_t> numbers(100, 5);
  TensorIndex index;
  const Tensor a = Tensor::vector_of(numbers);
  numbers.back() = 6;  // behind an equal beginning
  const Tensor b = Tensor::vector_of(numbers);
  CHECK(index.number_of("", a, 0) == 0);
  CHECK(index.number_of("", b, 1) == 1);
  CHECK(index.number_of("", Tensor::vector_of(std::vector<int64_t>(100, 5)), 2) == 0);
  CHECK(index.number_of("", b, 3) == 1);
  CHECK(index.number_of("other", a, 4) == 4);
  CHECK(index.number_of("", a.reshaped({10, 10}), 5) == 5);
}

}  // namespace
}  // namespace bantam
