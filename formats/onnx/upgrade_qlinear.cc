// SPDX-License-Identifier: Apache-2.0
// Operators on quantized tensors, written as the float operator between DequantizeLinear and
// QuantizeLinear. The recipes fold such pairs onto values again (passes/simplify/fold_qdq.cc).
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

Result<Value*> dequantize(NodeSink& sink, const OnnxNode& n, size_t first, int64_t axis) {
  return sink.emit(n, "DequantizeLinear", {n.input(first), n.input(first + 1), n.input(first + 2)},
                   {{"axis", axis}}, "dequantized");
}

void finish(OnnxNode& n, Value* real, size_t scale) {
  n.op = "QuantizeLinear";
  n.inputs = {real, n.input(scale), n.input(scale + 1)};
  n.attrs.clear();
}

Result<void> qlinear_conv(NodeSink& sink, OnnxNode& n) {
  TRY(Value* x, dequantize(sink, n, 0, 1));
  TRY(Value* w, dequantize(sink, n, 3, 0));
  std::vector<Value*> inputs = {x, w};
  if (Value* bias = n.input(8)) {  // i32, of scale x_scale * w_scale
    TRY(Value* scale, sink.emit(n, "Mul", {n.input(1), n.input(4)}));
    TRY(Value* real, sink.emit(n, "DequantizeLinear", {bias, scale}, {{"axis", int64_t{0}}}, "bias"));
    inputs.push_back(real);
  }
  TRY(Value* y, sink.emit(n, "Conv", inputs, AttrList(n.attrs.begin(), n.attrs.end())));
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

}  // namespace

const Upgrade qlinear_upgrades[] = {{"", "QLinearConv", qlinear_conv},
                                    {"", "QLinearMatMul", qlinear_matmul},
                                    {"", nullptr, nullptr}};

}  // namespace bantam
