// SPDX-License-Identifier: Apache-2.0
// Which inputs of a node are weights, and along which axis their output channels lie.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace bantam {

// Inputs that hold most of a model's bytes where they are constant: of products, recurrent cells, look-up
// tables.
std::vector<size_t> weight_inputs(const Node& node);
int weight_axis(const Node& node, size_t input = 1);
// The axis of a product's result along which its output channels lie.
int channel_axis(const Node& product);
// The weight of a product is annotated as the kernels take it: symmetric, with one scale per output
// channel or one in all.
bool is_kernel_weight(const Node& node);
// The axis along which the products of one output are summed: the input channels.
int weight_depth_axis(const Node& node, size_t input = 1);

// The value can be stored in 16 bits for the integer nodes that make and read it: there is no
// transposed convolution on such values.
bool may_be_wide(const Value& value);
bool all_finite(const Tensor& floats);

// The bias of a product in float that may make up for its weights: constant, not quantized, one number for each
// output channel, read by nobody else. Null where there is none.
Value* free_bias(const Node& product);
// A vector of floats, moved.
Tensor moved_by(const Tensor& floats, const std::vector<double>& by);

}  // namespace bantam
