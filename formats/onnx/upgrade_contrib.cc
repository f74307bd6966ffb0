// SPDX-License-Identifier: Apache-2.0
// Operators of com.microsoft that exporters and optimizers write and that are ours under another name.
#include <algorithm>

#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

Result<void> same(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  n.domain.clear();
  return {};
}

Result<void> gelu(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  n.op = "Gelu";
  n.domain.clear();
  return {};
}

Result<void> bias_gelu(NodeSink& sink, OnnxNode& n) {
  TRY(n.inputs[0], sink.emit(n, "Add", {n.input(0), n.input(1)}));
  n.inputs.resize(1);
  return gelu(sink, n);
}

Result<void> fast_gelu(NodeSink& sink, OnnxNode& n) {
  if (Value* bias = n.input(1)) {
    TRY(n.inputs[0], sink.emit(n, "Add", {n.input(0), bias}));
    n.inputs.resize(1);
  }
  n.op = "Gelu";
  n.domain.clear();
  n.attrs["approximate"] = std::string("tanh");
  return {};
}

Result<void> quick_gelu(NodeSink& sink, OnnxNode& n) {  // x * sigmoid(alpha * x)
  Value* alpha = sink.scalar(n.outputs[0] + ".alpha", n.inputs[0]->dtype, static_cast<double>(n.take_float("alpha", 1.702f)));
  TRY(Value* scaled, sink.emit(n, "Mul", {n.input(0), alpha}));
  TRY(Value* gate, sink.emit(n, "Sigmoid", {scaled}));
  n.op = "Mul";
  n.domain.clear();
  n.inputs = {n.input(0), gate};
  return {};
}

Result<void> fused_conv(NodeSink& sink, OnnxNode& n) {
  const std::string activation = n.take_text("activation", "");
  const std::vector<float> params = n.take_floats("activation_params");
  if (n.inputs.size() > 3 && n.inputs[3])
    return Error{Code::unsupported, "FusedConv with a summand (input 3) is not supported; export the model without that fusion"};
  n.inputs.resize(std::min<size_t>(n.inputs.size(), 3));
  TRY(Value* y, sink.emit(n, "Conv", n.inputs, AttrList(n.attrs.begin(), n.attrs.end())));
  n.attrs.clear();
  n.inputs = {y};
  n.domain.clear();
  n.op = activation.empty() ? "Identity" : activation;
  if (activation == "LeakyRelu" && !params.empty()) n.attrs["alpha"] = params[0];
  if (activation == "Clip" && params.size() == 2)
    for (size_t i = 0; i < 2; ++i)
      n.set_input(1 + i, sink.scalar(n.outputs[0] + ".bound", BT_F32, static_cast<double>(params[i])));
  return {};
}

Result<void> fused_matmul(NodeSink& sink, OnnxNode& n) {
  const float alpha = n.take_float("alpha", 1.0f);
  const int64_t trans[2] = {n.take_int("transA", 0), n.take_int("transB", 0)};
  if (n.take_int("transBatchA", 0) || n.take_int("transBatchB", 0))
    return Error{Code::unsupported, "FusedMatMul with transBatchA or transBatchB is not supported"};
  for (size_t i = 0; i < 2; ++i) {
    if (!trans[i] || !n.input(i)) continue;
    const int rank = n.inputs[i]->rank();
    if (rank < 2) return Error{Code::unsupported, "FusedMatMul with a transposed operand needs a known rank of at least 2"};
    std::vector<int64_t> perm;
    for (int d = 0; d < rank; ++d) perm.push_back(d);
    std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
    TRY(n.inputs[i], sink.emit(n, "Transpose", {n.inputs[i]}, {{"perm", perm}}));
  }
  n.op = "MatMul";
  n.domain.clear();
  if (alpha == 1.0f) return {};
  TRY(Value* y, sink.emit(n, "MatMul", n.inputs));
  n.op = "Mul";
  n.inputs = {y, sink.scalar(n.outputs[0] + ".alpha", n.inputs[0]->dtype, static_cast<double>(alpha))};
  return {};
}

// SkipLayerNormalization: LayerNormalization(input + skip [+ bias])
Result<void> skip_layer_norm(NodeSink& sink, OnnxNode& n) {
  if (n.outputs.size() > 1)
    return Error{Code::unsupported, "SkipLayerNormalization with more than one output is not supported"};
  TRY(Value* sum, sink.emit(n, "Add", {n.input(0), n.input(1)}));
  if (n.input(4)) {
    TRY(sum, sink.emit(n, "Add", {sum, n.input(4)}));
  }
  n.op = "LayerNormalization";
  n.domain.clear();
  n.inputs = {sum, n.input(2), n.input(3)};
  n.attrs["axis"] = int64_t{-1};
  if (!n.has("epsilon")) n.attrs["epsilon"] = 1e-12f;
  return {};
}

}  // namespace

const Upgrade contrib_upgrades[] = {
    {kMicrosoft, "QuantizeLinear", same}, {kMicrosoft, "DequantizeLinear", same},
    {kMicrosoft, "LayerNormalization", same}, {kMicrosoft, "Gelu", gelu},
    {kMicrosoft, "BiasGelu", bias_gelu}, {kMicrosoft, "FastGelu", fast_gelu}, {kMicrosoft, "QuickGelu", quick_gelu},
    {kMicrosoft, "FusedConv", fused_conv}, {kMicrosoft, "FusedMatMul", fused_matmul},
    {kMicrosoft, "SkipLayerNormalization", skip_layer_norm}, {"", nullptr, nullptr}};

}  // namespace bantam
