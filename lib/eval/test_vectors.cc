// SPDX-License-Identifier: Apache-2.0
#include "eval/test_vectors.h"

#include <algorithm>

#include "runtime/self_test.h"
#include "runtime/shape.h"

namespace bantam {

bool is_small_enough_to_check(const Graph& graph) {
  uint64_t bytes = 0;
  for (const Value* v : graph.values())
    if (v->constant) bytes += v->constant->bytes().size();
  return bytes <= kTestVectorConstants;
}

void widen(std::pair<float, float>& range, const Tensor& t) {
  std::vector<float> numbers(t.dtype() == BT_F32 ? 0 : static_cast<size_t>(t.count()));
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<float>(t.number(static_cast<int64_t>(i)));
  const std::span<const float> values = t.dtype() == BT_F32 ? t.floats() : std::span<const float>(numbers);
  constexpr size_t kLanes = 8;  // that the compiler can make one instruction of
  float lo[kLanes], hi[kLanes];
  std::fill(lo, lo + kLanes, range.first);
  std::fill(hi, hi + kLanes, range.second);
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes)
    for (size_t k = 0; k < kLanes; ++k) {
      const float v = values[i + k];
      lo[k] = v < lo[k] ? v : lo[k];
      hi[k] = v > hi[k] ? v : hi[k];
    }
  for (; i < values.size(); ++i) lo[0] = std::min(lo[0], values[i]), hi[0] = std::max(hi[0], values[i]);
  range = {*std::min_element(lo, lo + kLanes), *std::max_element(hi, hi + kLanes)};
}

Shape concrete_shape(const std::optional<Shape>& shape, int64_t other) {
  Shape out = shape.value_or(Shape{});
  for (size_t i = 0; i < out.size(); ++i)
    if (out[i] < 0) out[i] = i == 0 ? 1 : other;
  return out;
}

Result<std::vector<TestVector>> make_test_vectors(Session& session, const std::vector<Shape>& shapes,
                                                  const std::vector<std::pair<float, float>>& ranges, int count) {
  std::vector<TestVector> vectors;
  for (int k = 0; k < count; ++k) {
    TestVector v{.seed = 0x62616E74616Du + static_cast<uint64_t>(k), .shapes = shapes, .ranges = ranges};
    std::vector<Tensor> inputs;
    for (size_t i = 0; i < shapes.size(); ++i) {
      const DType dtype = session.inputs()[i].dtype;
      std::vector<uint8_t> bytes(static_cast<size_t>(element_count(shapes[i])) * bt_dtype_size(dtype));
      bt_tensor t{};
      bt_set_shape(&t, dtype, static_cast<int>(shapes[i].size()), shapes[i].data());
      t.data = bytes.data();
      bt_test_input(v.seed, static_cast<int>(i), ranges[i].first, ranges[i].second, &t);
      inputs.emplace_back(dtype, shapes[i], Bytes(std::move(bytes)));
    }
    TRY(const auto outputs, session.run(inputs));
    for (const Tensor& out : outputs) {
      bt_tensor t{};
      bt_set_shape(&t, out.dtype(), out.rank(), out.shape().data());
      t.data = const_cast<uint8_t*>(out.bytes().data());  // only read
      v.hash = bt_test_hash(v.hash, &t);
    }
    vectors.push_back(std::move(v));
  }
  return vectors;
}

}  // namespace bantam
