// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/sparse.h"

#include <algorithm>

namespace bantam {
namespace {

constexpr size_t kFewBytes = 2048;  // the operator and its tensors take some hundred
constexpr size_t kMostAxes = 4;     // that DENSIFY has been tried with

uint64_t list_bytes(const std::vector<int64_t>& list) {
  const int64_t most = *std::max_element(list.begin(), list.end());
  return list.size() * (most < 256 ? 1 : most < 65536 ? 2 : 4);
}

}  // namespace

std::optional<SparseForm> sparse_form(const Bytes& data, size_t size, const Shape& shape) {
  if (data.size() < kFewBytes || shape.size() < 2 || shape.size() > kMostAxes) return std::nullopt;
  const auto columns = static_cast<size_t>(shape.back());
  SparseForm form;
  std::vector<uint8_t> values;
  for (size_t i = 0; i < data.size() / size; ++i) {
    if (i % columns == 0) form.segments.push_back(static_cast<int64_t>(form.indices.size()));
    const uint8_t* element = data.data() + i * size;
    if (std::all_of(element, element + size, [](uint8_t byte) { return byte == 0; })) continue;
    values.insert(values.end(), element, element + size);
    form.indices.push_back(static_cast<int64_t>(i % columns));
  }
  form.segments.push_back(static_cast<int64_t>(form.indices.size()));
  if (form.indices.empty()) return std::nullopt;
  form.bytes = values.size() + list_bytes(form.segments) + list_bytes(form.indices);
  if (form.bytes * 10 > data.size() * 9) return std::nullopt;
  form.values = Bytes(std::move(values));
  return form;
}

}  // namespace bantam
