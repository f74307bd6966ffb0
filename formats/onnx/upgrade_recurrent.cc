// SPDX-License-Identifier: Apache-2.0
// Recurrent layers. Exporters name the activations that a layer has anyway; targets that have those alone
// need not look at names.
//
// DynamicQuantizeLSTM of com.microsoft: an LSTM whose weights are integers. Its original also rounds x and
// h to 8 bits at every step to save time there; here they stay floats, which is closer to the model that
// was trained.
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

// Weights of both directions with a scale for each gate: no operator takes scales along two axes, so they
// become floats here.
Result<Value*> decoded(NodeSink& sink, const Value& w, const Value& scale, const Value* zero) {
  const Shape& from = *w.shape;
  if (!w.constant || !scale.constant || (zero && !zero->constant) || *scale.shape != Shape{from[0], from[2]} ||
      (zero && zero->constant->count() != scale.constant->count()))
    return Error{Code::unsupported, "DynamicQuantizeLSTM in both directions needs constant weights, and as many constant scales and zero points as gates"};
  std::vector<float> real;
  for (int64_t d = 0; d < from[0]; ++d)
    for (int64_t gate = 0; gate < from[2]; ++gate) {
      const int64_t at = d * from[2] + gate, origin = zero ? zero->constant->integer(at) : 0;
      for (int64_t i = 0; i < from[1]; ++i)
        real.push_back(static_cast<float>(w.constant->integer((d * from[1] + i) * from[2] + gate) - origin) *
                       static_cast<float>(scale.constant->number(at)));
    }
  return sink.graph().add_constant(w.name + ".real", Tensor::of_floats({from[0], from[2], from[1]}, real));
}

// The real weights [directions, gates, columns] of integers [directions, columns, gates] at input `at`,
// whose scales and zero points, from input `first` on, are one per direction or one per gate.
Result<Value*> real_weights(NodeSink& sink, const OnnxNode& n, size_t at, size_t first) {
  Value *scale = n.input(first), *zero = n.input(first + 1);
  if (!n.input(at) || n.inputs[at]->rank() != 3 || !scale || !scale->shape || scale->rank() > 2)
    return Error{Code::unsupported, "DynamicQuantizeLSTM needs weights of rank 3 and scales of rank 1 or 2"};
  if (scale->rank() == 2 && scale->shape->front() != 1) return decoded(sink, *n.inputs[at], *scale, zero);
  TRY(Value* w, sink.emit(n, "Transpose", {n.inputs[at]}, {{"perm", std::vector<int64_t>{0, 2, 1}}}, "weight"));
  if (scale->rank() < 2) return sink.emit(n, "DequantizeLinear", {w, scale, zero}, {{"axis", int64_t{0}}}, "real");
  const std::string base = n.outputs[0];
  Value* axes = sink.ints(base + ".axes", {0});
  TRY(scale, sink.emit(n, "Squeeze", {scale, axes}, {}, "scale"));
  if (zero) {
    TRY(zero, sink.emit(n, "Squeeze", {zero, axes}, {}, "zero"));
  }
  return sink.emit(n, "DequantizeLinear", {w, scale, zero}, {{"axis", int64_t{1}}}, "real");
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

// One direction's activations where none are named.
std::vector<std::string> usual_activations(const std::string& op) {
  if (op == "LSTM") return {"Sigmoid", "Tanh", "Tanh"};
  if (op == "GRU") return {"Sigmoid", "Tanh"};
  return {"Tanh"};
}

Result<void> drop_usual_activations(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  const auto it = n.attrs.find("activations");
  if (it == n.attrs.end() || !std::holds_alternative<std::vector<std::string>>(it->second)) return {};
  const auto& names = std::get<std::vector<std::string>>(it->second);
  const auto usual = usual_activations(n.op);
  const auto direction = n.attrs.find("direction");
  const bool both = direction != n.attrs.end() && direction->second == AttrValue(std::string("bidirectional"));
  if (names.size() != usual.size() * (both ? 2 : 1)) return {};
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] != usual[i % usual.size()]) return {};
  n.attrs.erase(it);  // neither function has an alpha or a beta
  n.attrs.erase("activation_alpha");
  n.attrs.erase("activation_beta");
  return {};
}

}  // namespace

const Upgrade recurrent_upgrades[] = {
    {kMicrosoft, "DynamicQuantizeLSTM", lstm}, {"", "LSTM", drop_usual_activations}, {"", "GRU", drop_usual_activations},
    {"", "RNN", drop_usual_activations}, {"", nullptr, nullptr}};

}  // namespace bantam
