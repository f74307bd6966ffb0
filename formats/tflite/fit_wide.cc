// SPDX-License-Identifier: Apache-2.0
// 16x8: activations of 16 bits, symmetric, weights of 8, biases of 64. LiteRT computes these operators on
// them, without XNNPACK; operands of one operator have one width. What is not listed here is computed
// in float, between DEQUANTIZE and QUANTIZE.
#include <algorithm>

#include "formats/tflite/emitter.h"
#include "formats/tflite/fit.h"

namespace bantam {
namespace {

constexpr const char* kProducts[] = {"Conv", "Gemm", "MatMul"};
// They move values, which keep their scale.
constexpr const char* kMoves[] = {
    "Clip",    "Dropout", "Expand",    "Flatten",   "Gather",    "GlobalMaxPool", "Identity",
    "MaxPool", "Pad",     "ReduceMax", "ReduceMin", "Relu",      "Reshape",       "Slice",
    "Split",   "Squeeze", "Tile",      "Transpose", "Unsqueeze"};
constexpr const char* kArithmetic[] = {"Add", "AveragePool", "Concat", "GlobalAveragePool",
                                       "LeakyRelu", "Max", "Min", "Mul", "ReduceMean", "Sub", "Sum"};
// Their results have the scale 1/32768.
constexpr const char* kFixed[] = {"Sigmoid", "Softmax", "Tanh"};

bool is_one_of(const Node& n, std::span<const char* const> names) {
  return std::any_of(names.begin(), names.end(), [&](const char* name) { return n.is(name); });
}

// The kernel for a linear one finds places between pixels in steps of 1/1024 only.
bool is_nearest(const Node& n) { return n.is("Resize") && n.attr_word("mode") == "nearest"; }

bool keeps_scale(const Node& n) {
  const Value* x = n.inputs[0];
  return is_q16(x) && std::all_of(n.outputs.begin(), n.outputs.end(), [&](const Value* y) {
           return !y || (is_q16(y) && *y->quant == *x->quant);
         });
}

bool has_one_width(const Node& n) {
  return is_q16(n.output()) && std::none_of(n.inputs.begin(), n.inputs.end(), is_q8);
}

}  // namespace

bool has_wide_form(const Node& n) {
  if (is_one_of(n, kProducts))
    return is_q16(n.inputs[0]) && is_q16(n.output()) && is_q8(n.inputs[1]) &&
           (!n.is("MatMul") || n.inputs[1]->rank() == 2);
  if (is_one_of(n, kFixed)) return has_one_width(n) && n.output()->quant->scale[0] == 1.0f / 32768;
  if (is_one_of(n, kArithmetic)) return has_one_width(n);
  return (is_one_of(n, kMoves) || is_nearest(n)) && keeps_scale(n);
}

}  // namespace bantam
