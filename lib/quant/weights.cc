// SPDX-License-Identifier: Apache-2.0
#include "quant/weights.h"

namespace bantam {

std::vector<size_t> weight_inputs(const Node& node) {
  if (node.op->quant == BT_QUANT_MACS) return {1};
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

}  // namespace bantam
