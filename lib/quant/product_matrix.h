// SPDX-License-Identifier: Apache-2.0
// A product with constant weights, seen as the matrix product that it is: each output channel is a
// row of weights, multiplied with columns gathered from the input. A convolution has one column for
// every position of its output (im2col), in each of its groups.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace bantam {

class ProductMatrix {
 public:
  // Empty where the node is no Conv, Gemm or MatMul with one constant matrix of weights.
  static std::optional<ProductMatrix> of(const Node& node);

  size_t groups() const { return groups_; }
  size_t rows() const { return rows_; }    // of one group
  size_t depth() const { return depth_; }  // weights in a row
  // The element of the weight that stands at place k of a row; rows are counted over all groups.
  size_t element(size_t row, size_t k) const { return row * row_step_ + k * depth_step_; }

  // How many columns an input makes that leads to output y.
  int64_t columns(const Tensor& y) const;
  // One of them, for one group: depth() numbers.
  void gather(const Tensor& x, const Tensor& y, int64_t column, size_t group, float* out) const;

 private:
  static constexpr size_t kMostDims = 3;
  void set_conv(const Node& node);
  void gather_patch(const Tensor& x, const Tensor& y, int64_t column, size_t group,
                    float* out) const;

  size_t groups_ = 1, rows_ = 0, depth_ = 0, row_step_ = 0, depth_step_ = 1;
  // of a convolution
  bool image_ = false, last_ = false;
  std::string auto_pad_;
  std::vector<int64_t> kernel_, strides_, dilations_, pads_;
};

}  // namespace bantam
