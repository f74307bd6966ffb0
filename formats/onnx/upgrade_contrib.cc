// SPDX-License-Identifier: Apache-2.0
// Operators of com.microsoft that exporters and optimizers write and that are ours under another name.
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

}  // namespace

const Upgrade contrib_upgrades[] = {
    {kMicrosoft, "QuantizeLinear", same}, {kMicrosoft, "DequantizeLinear", same},
    {kMicrosoft, "LayerNormalization", same}, {kMicrosoft, "Gelu", gelu},
    {kMicrosoft, "BiasGelu", bias_gelu}, {kMicrosoft, "FastGelu", fast_gelu}, {kMicrosoft, "QuickGelu", quick_gelu},
    {"", nullptr, nullptr}};

}  // namespace bantam
