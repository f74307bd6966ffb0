// SPDX-License-Identifier: Apache-2.0
// DynamicQuantizeLSTM of com.microsoft: an LSTM whose weights are integers. Its original also rounds x and
// h to 8 bits at every step to save time there; here they stay floats, which is closer to the model that
// was trained.
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

// The real weights [directions, gates, columns] of integers [directions, columns, gates] at input `at`,
// whose scales and zero points, from input `first` on, are one per direction or one per gate.
Result<Value*> real_weights(NodeSink& sink, const OnnxNode& n, size_t at, size_t first) {
  Value *scale = n.input(first), *zero = n.input(first + 1);
  if (!n.input(at) || n.inputs[at]->rank() != 3 || !scale || !scale->shape)
    return Error{Code::unsupported, "DynamicQuantizeLSTM needs weights of rank 3 and scales of known shape"};
  TRY(Value* w, sink.emit(n, "Transpose", {n.inputs[at]}, {{"perm", std::vector<int64_t>{0, 2, 1}}}, "weight"));
  if (scale->rank() < 2) return sink.emit(n, "DequantizeLinear", {w, scale, zero}, {{"axis", int64_t{0}}}, "real");
  const std::string base = n.outputs[0];
  if (scale->shape->front() == 1) {
    Value* axes = sink.ints(base + ".axes", {0});
    TRY(scale, sink.emit(n, "Squeeze", {scale, axes}, {}, "scale"));
    if (zero) {
      TRY(zero, sink.emit(n, "Squeeze", {zero, axes}, {}, "zero"));
    }
    return sink.emit(n, "DequantizeLinear", {w, scale, zero}, {{"axis", int64_t{1}}}, "real");
  }
  // no operator takes scales along two axes: both become one, and two again
  TRY(Value* shape, sink.emit(n, "Shape", {w}));
  TRY(Value* columns, sink.emit(n, "Shape", {w}, {{"start", int64_t{2}}}, "columns"));
  TRY(Value* flat, sink.emit(n, "Concat", {sink.ints(base + ".rows", {-1}), columns}, {{"axis", int64_t{0}}}));
  TRY(w, sink.emit(n, "Reshape", {w, flat}, {}, "flat"));
  Value* all = sink.ints(base + ".all", {-1});
  TRY(scale, sink.emit(n, "Reshape", {scale, all}, {}, "scale"));
  if (zero) {
    TRY(zero, sink.emit(n, "Reshape", {zero, all}, {}, "zero"));
  }
  TRY(Value* real, sink.emit(n, "DequantizeLinear", {w, scale, zero}, {{"axis", int64_t{0}}}, "real"));
  return sink.emit(n, "Reshape", {real, shape}, {}, "gates");
}

// X, W, R, bias, lengths, initial h and c, peepholes, then scale and zero point of W, and of R
Result<void> lstm(NodeSink& sink, OnnxNode& n) {
  TRY(Value* w, real_weights(sink, n, 1, 8));
  TRY(Value* r, real_weights(sink, n, 2, 10));
  n.inputs.resize(8);
  n.inputs[1] = w;
  n.inputs[2] = r;
  n.op = "LSTM";
  n.domain.clear();
  return {};
}

}  // namespace

const Upgrade recurrent_upgrades[] = {{kMicrosoft, "DynamicQuantizeLSTM", lstm}, {"", nullptr, nullptr}};

}  // namespace bantam
