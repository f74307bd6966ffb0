// SPDX-License-Identifier: Apache-2.0
// Operators on quantized tensors, written as the float operator between DequantizeLinear and
// QuantizeLinear. The recipes fold such pairs onto values again (passes/simplify/fold_qdq.cc).
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

// The reals of inputs `first` (integers), `first` + 1 (scale) and `first` + 2 (zero point).
Result<Value*> dequantize(NodeSink& sink, const OnnxNode& n, size_t first, int64_t axis) {
  return sink.emit(n, "DequantizeLinear", {n.input(first), n.input(first + 1), n.input(first + 2)},
                   {{"axis", axis}}, "dequantized");
}

// The node becomes the QuantizeLinear of `real` with the scale at input `scale`.
void finish(OnnxNode& n, Value* real, size_t scale) {
  n.op = "QuantizeLinear";
  n.domain.clear();
  n.inputs = {real, n.input(scale), n.input(scale + 1)};
  n.attrs.clear();
}

AttrList attrs_of(const OnnxNode& n) { return {n.attrs.begin(), n.attrs.end()}; }

// i32 sums of scale a_scale * b_scale (times alpha).
Result<Value*> dequantize_bias(NodeSink& sink, const OnnxNode& n, Value* bias, Value* a_scale, Value* b_scale,
                               float alpha = 1.0f) {
  TRY(Value* scale, sink.emit(n, "Mul", {a_scale, b_scale}, {}, "bias_scale"));
  if (alpha != 1.0f) {
    Value* factor = sink.scalar(n.outputs[0] + ".alpha", BT_F32, static_cast<double>(alpha));
    TRY(scale, sink.emit(n, "Mul", {scale, factor}, {}, "bias_scale"));
  }
  return sink.emit(n, "DequantizeLinear", {bias, scale}, {{"axis", int64_t{0}}}, "bias");
}

Result<void> qlinear_conv(NodeSink& sink, OnnxNode& n) {
  if (n.take_int("channels_last", 0))
    return Error{Code::unsupported, "QLinearConv with channels_last is not supported; export the model with channels first"};
  TRY(Value* x, dequantize(sink, n, 0, 1));
  TRY(Value* w, dequantize(sink, n, 3, 0));
  std::vector<Value*> inputs = {x, w};
  if (Value* bias = n.input(8)) {
    TRY(Value* real, dequantize_bias(sink, n, bias, n.input(1), n.input(4)));
    inputs.push_back(real);
  }
  TRY(Value* y, sink.emit(n, "Conv", inputs, attrs_of(n)));
  finish(n, y, 6);
  return {};
}

Result<void> qlinear_matmul(NodeSink& sink, OnnxNode& n) {
  TRY(Value* a, dequantize(sink, n, 0, -2));
  TRY(Value* b, dequantize(sink, n, 3, -1));
  TRY(Value* y, sink.emit(n, "MatMul", {a, b}));
  finish(n, y, 6);
  return {};
}

// A, scale, zero, B, scale, zero, bias (i32), and the scale and zero of Y, which is float without them.
Result<void> q_gemm(NodeSink& sink, OnnxNode& n) {
  const int64_t transposed = n.has("transB") && std::holds_alternative<int64_t>(n.attrs["transB"]) ? std::get<int64_t>(n.attrs["transB"]) : 0;
  const float alpha = n.has("alpha") && std::holds_alternative<float>(n.attrs["alpha"]) ? std::get<float>(n.attrs["alpha"]) : 1.0f;
  TRY(Value* a, dequantize(sink, n, 0, 0));
  TRY(Value* b, dequantize(sink, n, 3, transposed ? 0 : 1));
  std::vector<Value*> inputs = {a, b};
  if (Value* bias = n.input(6)) {
    TRY(Value* real, dequantize_bias(sink, n, bias, n.input(1), n.input(4), alpha));
    inputs.push_back(real);
  }
  if (n.input(7)) {
    TRY(Value* y, sink.emit(n, "Gemm", inputs, attrs_of(n)));
    finish(n, y, 7);
    return {};
  }
  n.op = "Gemm";
  n.domain.clear();
  n.inputs = inputs;
  return {};
}

// The float operator that a name with "QLinear" in front stands for.
std::string plain_op(const OnnxNode& n) { return n.op.substr(std::string("QLinear").size()); }

// A, scale, zero, B, scale, zero, and the scale and zero of the result.
Result<void> binary(NodeSink& sink, OnnxNode& n) {
  TRY(Value* a, dequantize(sink, n, 0, 1));
  TRY(Value* b, dequantize(sink, n, 3, 1));
  TRY(Value* y, sink.emit(n, plain_op(n), {a, b}));
  finish(n, y, 6);
  return {};
}

// X, scale, zero, and the scale and zero of Y; the attributes are those of the float operator.
Result<void> unary(NodeSink& sink, OnnxNode& n) {
  if (n.take_int("channels_last", 0))
    return Error{Code::unsupported, n.op + " with channels_last is not supported; export the model with channels first"};
  TRY(Value* x, dequantize(sink, n, 0, 1));
  TRY(Value* y, sink.emit(n, plain_op(n), {x}, attrs_of(n)));
  finish(n, y, 3);
  return {};
}

Result<void> softmax(NodeSink& sink, OnnxNode& n) {
  const int64_t opset = n.take_int("opset", 13);
  if (opset < 13 && n.input(0)->rank() != 2)
    return Error{Code::unsupported, "QLinearSoftmax in the sense of an opset before 13 is supported for rank 2 only"};
  return unary(sink, n);
}

Result<void> reduce_mean(NodeSink& sink, OnnxNode& n) {
  TRY(Value* x, dequantize(sink, n, 0, 1));
  std::vector<Value*> inputs = {x};
  if (n.has("axes")) inputs.push_back(sink.ints(n.outputs[0] + ".axes", n.take_ints("axes")));
  TRY(Value* y, sink.emit(n, "ReduceMean", inputs, attrs_of(n)));
  finish(n, y, 3);
  return {};
}

// Scale and zero of Y, then X, scale, zero of every part.
Result<void> concat(NodeSink& sink, OnnxNode& n) {
  std::vector<Value*> parts;
  for (size_t i = 2; i + 1 < n.inputs.size(); i += 3) {
    TRY(Value* part, dequantize(sink, n, i, 1));
    parts.push_back(part);
  }
  TRY(Value* y, sink.emit(n, "Concat", parts, attrs_of(n)));
  finish(n, y, 0);
  return {};
}

// Condition, X, scale, zero, Y, scale, zero, and the scale and zero of the result.
Result<void> where(NodeSink& sink, OnnxNode& n) {
  TRY(Value* yes, dequantize(sink, n, 1, 1));
  TRY(Value* no, dequantize(sink, n, 4, 1));
  TRY(Value* y, sink.emit(n, "Where", {n.input(0), yes, no}));
  finish(n, y, 7);
  return {};
}

}  // namespace

const Upgrade qlinear_upgrades[] = {
    {"", "QLinearConv", qlinear_conv}, {"", "QLinearMatMul", qlinear_matmul},
    {kMicrosoft, "QLinearConv", qlinear_conv}, {kMicrosoft, "QGemm", q_gemm},
    {kMicrosoft, "QLinearAdd", binary}, {kMicrosoft, "QLinearMul", binary},
    {kMicrosoft, "QLinearLeakyRelu", unary}, {kMicrosoft, "QLinearSigmoid", unary},
    {kMicrosoft, "QLinearGlobalAveragePool", unary}, {kMicrosoft, "QLinearAveragePool", unary},
    {kMicrosoft, "QLinearSoftmax", softmax}, {kMicrosoft, "QLinearReduceMean", reduce_mean},
    {kMicrosoft, "QLinearConcat", concat}, {kMicrosoft, "QLinearWhere", where},
    {"", nullptr, nullptr}};

}  // namespace bantam
