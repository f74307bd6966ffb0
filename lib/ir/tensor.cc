// SPDX-License-Identifier: Apache-2.0
#include "ir/tensor.h"

#include <limits>

#include "base/checked.h"
#include "base/text.h"
#include "runtime/shape.h"

namespace bantam {

int64_t element_count(const Shape& shape) {
  if (!is_known(shape)) {
    for (const int64_t d : shape)
      if (d == 0) return 0;
    return -1;
  }
  return checked_count(shape).value_or(std::numeric_limits<int64_t>::max());
}

bool is_known(const Shape& shape) {
  for (const int64_t d : shape)
    if (d < 0) return false;
  return true;
}

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i) text += ',';
    text += shape[i] < 0 ? "?" : std::to_string(shape[i]);
  }
  return text + "]";
}

Tensor Tensor::of_floats(Shape shape, std::span<const float> values) {
  return {BT_F32, std::move(shape), Bytes::copy_of(values.data(), values.size_bytes())};
}
Tensor Tensor::of_ints(Shape shape, std::span<const int64_t> values) {
  return {BT_I64, std::move(shape), Bytes::copy_of(values.data(), values.size_bytes())};
}
Tensor Tensor::vector_of(std::span<const int64_t> values) {
  return of_ints({static_cast<int64_t>(values.size())}, values);
}
Tensor Tensor::scalar_int(int64_t value) { return of_ints({}, {&value, 1}); }
Tensor Tensor::scalar_float(float value) { return of_floats({}, {&value, 1}); }

Tensor Tensor::zeros(DType dtype, Shape shape) {
  const auto n = static_cast<size_t>(element_count(shape)) * bt_dtype_size(dtype);
  return {dtype, std::move(shape), Bytes(std::vector<uint8_t>(n))};
}

namespace {
bt_tensor view_of(const Tensor& t) {
  bt_tensor view{};
  view.dtype = t.dtype();
  view.data = const_cast<uint8_t*>(t.bytes().data());  // bt_get only reads
  return view;
}
}  // namespace

double Tensor::number(int64_t i) const {
  const bt_tensor view = view_of(*this);
  return bt_get(&view, i);
}
int64_t Tensor::integer(int64_t i) const {
  const bt_tensor view = view_of(*this);
  return bt_get_int(&view, i);
}
std::vector<int64_t> Tensor::integers() const {
  std::vector<int64_t> values(static_cast<size_t>(count()));
  const bt_tensor view = view_of(*this);
  for (size_t i = 0; i < values.size(); ++i) values[i] = bt_get_int(&view, static_cast<int64_t>(i));
  return values;
}

DType dtype_named(std::string_view name) {
  for (int d = 1; d < BT_DTYPE_COUNT; ++d)
    if (name == bt_dtype_name(static_cast<DType>(d))) return static_cast<DType>(d);
  return BT_NONE;
}

}  // namespace bantam
