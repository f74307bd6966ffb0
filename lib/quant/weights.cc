// SPDX-License-Identifier: Apache-2.0
#include "quant/weights.h"

#include <algorithm>
#include <cmath>

namespace bantam {

std::vector<size_t> weight_inputs(const Node& node) {
  if (node.op->quant == BT_QUANT_MACS) {
    if (node.inputs[0] && node.inputs[0]->is_constant()) return {};  // angles, of frequencies and positions
    return {1};
  }
  if (node.is("LSTM") || node.is("GRU") || node.is("RNN")) return {1, 2};
  if (node.is("Gather")) return {0};
  return {};
}

int weight_axis(const Node& node, size_t input) {
  const Value* w = node.input(input);
  if (node.is("Conv")) return 0;
  if (node.is("ConvTranspose")) return node.attr_word("layout") == "last" ? 0 : 1;
  if (node.is("Gemm")) return node.attr_int("transB") ? 0 : 1;
  if (node.is("MatMul")) return w->rank() - 1;
  if (node.is("LSTM") || node.is("GRU") || node.is("RNN")) return 1;  // [directions, gates * hidden, ...]
  return 0;
}

int channel_axis(const Node& product) {
  const bool image = product.is("Conv") || product.is("ConvTranspose");
  return image && product.attr_word("layout") == "first" ? 1 : product.output()->rank() - 1;
}

bool is_kernel_weight(const Node& node) {
  const Value* w = node.input(1);
  if (!w || !w->is_constant() || !w->quant || w->rank() < 2) return false;
  if (w->quant->axis >= 0 && w->quant->axis != weight_axis(node)) return false;
  return std::all_of(w->quant->zero.begin(), w->quant->zero.end(), [](int32_t z) { return z == 0; });
}

int weight_depth_axis(const Node& node, size_t input) {
  const int rank = node.input(input)->rank();
  if (node.is("Conv")) return node.attr_word("layout") == "last" ? rank - 1 : 1;
  if (node.is("ConvTranspose")) return node.attr_word("layout") == "last" ? rank - 1 : 0;
  if (node.is("Gemm")) return node.attr_int("transB") ? 1 : 0;
  if (node.is("MatMul")) return rank - 2;
  return rank - 1;
}

bool may_be_wide(const Value& value) {
  const auto refuses = [](const Node* n) { return n && n->integer && n->is("ConvTranspose"); };
  const auto uses = value.uses();
  const auto reader_refuses = [&](const Use& u) { return refuses(u.node); };
  return !refuses(value.producer) && std::none_of(uses.begin(), uses.end(), reader_refuses);
}

bool all_finite(const Tensor& floats) {
  const auto values = floats.floats();
  const bool finite = std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
  floats.bytes().rest();
  return finite;
}

Value* free_bias(const Node& product) {
  Value* b = product.integer ? nullptr : product.input(2);
  if (!b || !b->is_constant() || b->dtype != BT_F32 || b->quant || b->uses().size() != 1) return nullptr;
  return b->constant->count() == (*product.input(1)->shape)[static_cast<size_t>(weight_axis(product))] ? b : nullptr;
}

Tensor moved_by(const Tensor& floats, const std::vector<double>& by) {
  std::vector<float> values(by.size());
  for (size_t i = 0; i < by.size(); ++i) values[i] = static_cast<float>(static_cast<double>(floats.floats()[i]) + by[i]);
  return Tensor::of_floats(floats.shape(), values);
}

}  // namespace bantam
