// SPDX-License-Identifier: Apache-2.0
// Products of com.microsoft that onnxruntime's optimizer made of a product and its neighbours.
#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

// What may be fused behind a product, and the attributes its parameters stand for, in their order.
struct Activation {
  const char* op;
  const char* params[2];
};
constexpr Activation kActivations[] = {
    {"Relu", {}}, {"Sigmoid", {}}, {"Tanh", {}}, {"Softplus", {}}, {"Softsign", {}}, {"HardSwish", {}},
    {"LeakyRelu", {"alpha", nullptr}}, {"Elu", {"alpha", nullptr}}, {"ThresholdedRelu", {"alpha", nullptr}},
    {"HardSigmoid", {"alpha", "beta"}}, {"Selu", {"alpha", "gamma"}}};

// The node becomes the activation of `y`; without a name, `y` itself.
Result<void> become_activation(NodeSink& sink, OnnxNode& n, Value* y, const std::string& name,
                               const std::vector<float>& params) {
  const std::string fused = n.op;
  n.domain.clear();
  n.inputs = {y};
  n.attrs.clear();
  n.op = name.empty() ? "Identity" : name;
  if (name.empty()) return {};
  if (name == "Clip" && params.size() == 2) {
    for (size_t i = 0; i < 2; ++i)
      n.set_input(1 + i, sink.scalar(n.outputs[0] + ".bound", BT_F32, static_cast<double>(params[i])));
    return {};
  }
  const auto* known = std::find_if(std::begin(kActivations), std::end(kActivations),
                                   [&](const Activation& a) { return name == a.op; });
  if (known == std::end(kActivations))
    return Error{Code::unsupported, formatted("{} with the activation {} is not supported; export the model "
                                              "without that fusion", fused, quote(name))};
  for (size_t i = 0; i < params.size() && i < 2 && known->params[i]; ++i) n.attrs[known->params[i]] = params[i];
  return {};
}

// X, W, bias, and a summand of the result, which comes before the activation
Result<void> fused_conv(NodeSink& sink, OnnxNode& n) {
  const std::string activation = n.take_text("activation", "");
  const std::vector<float> params = n.take_floats("activation_params");
  Value* summand = n.input(3);
  n.inputs.resize(std::min<size_t>(n.inputs.size(), 3));
  TRY(Value* y, sink.emit(n, "Conv", n.inputs, AttrList(n.attrs.begin(), n.attrs.end())));
  if (summand) {
    TRY(y, sink.emit(n, "Add", {y, summand}));
  }
  return become_activation(sink, n, y, activation, params);
}

Result<void> fused_gemm(NodeSink& sink, OnnxNode& n) {
  const std::string activation = n.take_text("activation", "");
  std::vector<float> params;
  for (const char* key : {"activation_alpha", "activation_beta", "activation_gamma"})
    if (n.has(key)) params.push_back(n.take_float(key, 0.0f));
  TRY(Value* y, sink.emit(n, "Gemm", n.inputs, AttrList(n.attrs.begin(), n.attrs.end())));
  return become_activation(sink, n, y, activation, params);
}

// Operand i with its batches moved to the front (from behind the first axis), its matrices transposed.
Result<void> turn_operand(NodeSink& sink, OnnxNode& n, size_t i, bool batches, bool matrices) {
  if (!n.input(i) || (!batches && !matrices)) return {};
  const int rank = n.inputs[i]->rank();
  if (rank < 2) return Error{Code::unsupported, n.op + " with a transposed operand needs a known rank of at least 2"};
  std::vector<int64_t> perm;
  for (int d = 0; d < rank; ++d) perm.push_back(d);
  if (batches) std::rotate(perm.begin(), perm.begin() + 1, perm.end() - 1);
  if (matrices) std::swap(perm[perm.size() - 1], perm[perm.size() - 2]);
  TRY(n.inputs[i], sink.emit(n, "Transpose", {n.inputs[i]}, {{"perm", perm}}));
  return {};
}

Result<void> fused_matmul(NodeSink& sink, OnnxNode& n) {
  const float alpha = n.take_float("alpha", 1.0f);
  const bool batches[2] = {n.take_int("transBatchA", 0) != 0, n.take_int("transBatchB", 0) != 0};
  const bool matrices[2] = {n.take_int("transA", 0) != 0, n.take_int("transB", 0) != 0};
  for (size_t i = 0; i < 2; ++i) TRY(turn_operand(sink, n, i, batches[i], matrices[i]));
  n.op = "MatMul";
  n.domain.clear();
  if (alpha == 1.0f) return {};
  TRY(Value* y, sink.emit(n, "MatMul", n.inputs));
  n.op = "Mul";
  n.inputs = {y, sink.scalar(n.outputs[0] + ".alpha", n.inputs[0]->dtype, static_cast<double>(alpha))};
  return {};
}

}  // namespace

const Upgrade fused_upgrades[] = {
    {kMicrosoft, "FusedConv", fused_conv}, {kMicrosoft, "FusedGemm", fused_gemm},
    {kMicrosoft, "FusedMatMul", fused_matmul}, {kMicrosoft, "TransposeMatMul", fused_matmul},
    {"", nullptr, nullptr}};

}  // namespace bantam
