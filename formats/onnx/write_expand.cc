// SPDX-License-Identifier: Apache-2.0
// Operators of the IR that the opset does not have, as several that it has. Runtimes know these patterns: what
// they fuse is the operator that stood here.
#include <cmath>

#include "base/format.h"
#include "formats/onnx/write_form.h"
#include "ir/match.h"

namespace bantam {
namespace {

// The type that the written operator works in.
DType type_of(const Node& node) { return is_stored_quantized(node.output()) ? BT_F32 : node.output()->dtype; }

// A product with bias is Gemm where both operands are matrices, else MatMul and Add.
void mat_mul(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (call.input(2).empty()) return;
  if (node.inputs[0]->rank() == 2 && node.inputs[1]->rank() == 2) {
    call.op = "Gemm";
    return;
  }
  const std::string product = w.emit("MatMul", {call.inputs[0], call.inputs[1]}, {}, node.output()->name + ".product");
  call.op = "Add";
  call.inputs = {product, call.inputs[2]};
}

// Rounds as a quantized value would, in float: the integers in between are real in the file.
void fake_quantize(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  const int64_t lo = node.attr_int("lo"), hi = node.attr_int("hi"), zero = node.attr_int("zero");
  const float scale = node.attr_float("scale");
  const bool is_signed = lo < 0;
  if (lo < (is_signed ? -128 : 0) || hi > (is_signed ? 127 : 255) || zero < lo || zero > hi)
    return w.attempt().refuse(node, formatted("FakeQuantize to integers from {} to {}", lo, hi));
  const DType type = is_signed ? BT_I8 : BT_U8;
  const std::string base = node.output()->name;
  const bool half = node.output()->dtype != BT_F32;
  const std::string x = half ? w.emit("Cast", {call.inputs[0]}, {{"to", int64_t{BT_F32}}}, base + ".wide") : call.inputs[0];
  const auto number = [&](const char* name, DType t, double v) { return w.scalar(base + name, t, v); };
  const std::string step = number(".scale", BT_F32, static_cast<double>(scale)), origin = number(".zero", type, static_cast<double>(zero));
  std::string codes = w.emit("QuantizeLinear", {x, step, origin}, {}, base + ".codes");
  if (lo > bt_dtype_min(type) || hi < bt_dtype_max(type))
    codes = w.emit("Clip", {codes, number(".lo", type, static_cast<double>(lo)), number(".hi", type, static_cast<double>(hi))}, {}, base + ".clipped");
  call.op = half ? "Cast" : "DequantizeLinear";
  call.attrs.clear();
  call.inputs = {codes, step, origin};
  if (!half) return;
  call.set("to", static_cast<int64_t>(node.output()->dtype));
  call.inputs = {w.emit("DequantizeLinear", {codes, step, origin}, {}, base + ".rounded")};
}

// x * sigmoid(alpha * x)
void swish(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (w.opset() >= 24) return;
  const float alpha = node.attr_float("alpha");
  const std::string base = node.output()->name, x = call.inputs[0];
  std::string scaled = x;
  if (alpha != 1.0f) scaled = w.emit("Mul", {x, w.scalar(base + ".alpha", type_of(node), static_cast<double>(alpha))}, {}, base + ".scaled");
  call.op = "Mul";
  call.attrs.clear();
  call.inputs = {x, w.emit("Sigmoid", {scaled}, {}, base + ".gate")};
}

void hard_swish(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (w.attempt().allows(14)) return;
  const std::string gate = w.emit("HardSigmoid", {call.inputs[0]}, {{"alpha", 1.0f / 6}, {"beta", 0.5f}}, node.output()->name + ".gate");
  call.op = "Mul";
  call.inputs = {call.inputs[0], gate};
}

void mish(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (w.attempt().allows(18)) return;
  const std::string base = node.output()->name;
  const std::string gate = w.emit("Tanh", {w.emit("Softplus", {call.inputs[0]}, {}, base + ".softplus")}, {}, base + ".gate");
  call.op = "Mul";
  call.inputs = {call.inputs[0], gate};
}

// x / 2 * (1 + erf(x / sqrt(2))); approximately x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))
void gelu(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (w.attempt().allows(20)) return;
  const std::string base = node.output()->name, x = call.inputs[0];
  const auto number = [&](const char* name, double v) { return w.scalar(base + name, type_of(node), v); };
  std::string gate;
  if (node.attr_word("approximate") == "tanh") {
    const std::string square = w.emit("Mul", {x, x}, {}, base + ".square");
    const std::string cube = w.emit("Mul", {square, x}, {}, base + ".cube");
    const std::string part = w.emit("Mul", {cube, number(".cubic", 0.044715)}, {}, base + ".part");
    const std::string sum = w.emit("Add", {x, part}, {}, base + ".sum");
    gate = w.emit("Tanh", {w.emit("Mul", {sum, number(".factor", std::sqrt(2 / M_PI))}, {}, base + ".argument")}, {}, base + ".tanh");
  } else {
    gate = w.emit("Erf", {w.emit("Div", {x, number(".root", std::sqrt(2.0))}, {}, base + ".argument")}, {}, base + ".erf");
  }
  const std::string up = w.emit("Add", {gate, number(".one", 1)}, {}, base + ".up");
  call.op = "Mul";
  call.attrs.clear();
  call.inputs = {w.emit("Mul", {x, up}, {}, base + ".double"), number(".half", 0.5)};
}

// (x - mean) / sqrt(variance + epsilon) * scale + bias
void layer_norm(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (w.attempt().allows(17)) return;
  const Value* x = node.input(0);
  if (node.output(1) || node.output(2) || x->rank() < 0 || type_of(node) != BT_F32)
    return w.attempt().need(node, 17, "LayerNormalization that gives its statistics, of unknown rank or in half precision");
  const std::string base = node.output()->name;
  int64_t axis = node.attr_int("axis");
  std::vector<int64_t> axes;
  for (axis = axis < 0 ? axis + x->rank() : axis; axis < x->rank(); ++axis) axes.push_back(axis);
  const std::string mean = w.emit("ReduceMean", {call.inputs[0]}, {{"axes", axes}}, base + ".mean");
  const std::string centred = w.emit("Sub", {call.inputs[0], mean}, {}, base + ".centred");
  const std::string two = w.scalar(base + ".two", BT_F32, 2);
  const std::string epsilon = w.scalar(base + ".epsilon", BT_F32, static_cast<double>(node.attr_float("epsilon")));
  const std::string variance = w.emit("ReduceMean", {w.emit("Pow", {centred, two}, {}, base + ".square")}, {{"axes", axes}}, base + ".variance");
  const std::string deviation = w.emit("Sqrt", {w.emit("Add", {variance, epsilon}, {}, base + ".sum")}, {}, base + ".deviation");
  const std::string unit = w.emit("Div", {centred, deviation}, {}, base + ".unit");
  const std::string bias = call.input(2), scale = call.inputs[1];
  call.op = bias.empty() ? "Mul" : "Add";
  call.attrs.clear();
  call.inputs = bias.empty() ? std::vector{unit, scale} : std::vector{w.emit("Mul", {unit, scale}, {}, base + ".scaled"), bias};
}

}  // namespace

const OnnxForm expanded_forms[] = {{"FakeQuantize", fake_quantize}, {"Gelu", gelu}, {"HardSwish", hard_swish}, {"LayerNormalization", layer_norm},
                                   {"MatMul", mat_mul}, {"Mish", mish}, {"Swish", swish}, {nullptr, nullptr}};

}  // namespace bantam
