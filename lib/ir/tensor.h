// SPDX-License-Identifier: Apache-2.0
// A tensor with its values: type, lengths, and bytes in row-major order (one element to 1, 2, 4 or 8
// bytes, as runtime/dtype.h says). Read-only; copying shares the bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "runtime/dtype.h"

namespace bantam {

using DType = bt_dtype;

// Lengths. A negative one is unknown: -1 means any, other negative numbers name symbols of a Graph.
using Shape = std::vector<int64_t>;

// Number of elements; -1 where a length is unknown, INT64_MAX where the product does not fit.
int64_t element_count(const Shape& shape);
bool is_known(const Shape& shape);
// "[1,3,224,224]", unknown lengths as "?".
std::string shape_text(const Shape& shape);

class Tensor {
 public:
  Tensor() = default;
  // `bytes` must have exactly the size that the type and the lengths ask for.
  Tensor(DType dtype, Shape shape, Bytes bytes)
      : dtype_(dtype), shape_(std::move(shape)), bytes_(std::move(bytes)) {}
  static Tensor of_floats(Shape shape, std::span<const float> values);
  static Tensor of_ints(Shape shape, std::span<const int64_t> values);  // i64
  static Tensor vector_of(std::span<const int64_t> values);             // i64, rank 1
  static Tensor scalar_int(int64_t value);
  static Tensor scalar_float(float value);
  static Tensor zeros(DType dtype, Shape shape);

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  const Bytes& bytes() const { return bytes_; }
  int rank() const { return static_cast<int>(shape_.size()); }
  int64_t count() const { return element_count(shape_); }
  template <typename T>
  std::span<const T> as() const {  // T must be the C type of dtype()
    return {reinterpret_cast<const T*>(bytes_.data()), bytes_.size() / sizeof(T)};
  }
  std::span<const float> floats() const { return as<float>(); }
  // Element i as a number of another type, whatever dtype() is (not strings, not complex).
  double number(int64_t i) const;
  int64_t integer(int64_t i) const;
  std::vector<int64_t> integers() const;
  Tensor reshaped(Shape shape) const { return {dtype_, std::move(shape), bytes_}; }
  bool operator==(const Tensor& other) const {
    return dtype_ == other.dtype_ && shape_ == other.shape_ && bytes_ == other.bytes_;
  }

 private:
  DType dtype_ = BT_F32;
  Shape shape_;
  Bytes bytes_;
};

// Type of an element by its name ("f32", "i8", ...); BT_NONE where there is none.
DType dtype_named(std::string_view name);

}  // namespace bantam
