// SPDX-License-Identifier: Apache-2.0
// Makes products that quantize their input at run time (onnxruntime's dynamic quantization) products of floats
// with weights that keep their integers; ranges of inputs are then found by calibration, as for any model.
//
//   %q, %s, %z = DynamicQuantizeLinear(%x)    =>   %r = DequantizeLinear(%w, %ws, %wz)
//   %i = MatMulInteger(%q, %w, %z, %wz)            %y = MatMul(%x, %r)
//   %f = Cast(%i) {to=1}
//   %c = Mul(%s, %ws)
//   %y = Mul(%f, %c)
//
// ConvInteger likewise, also where (as older versions wrote it) a bias that was divided by %c is added to the integers.
// The rounding of x is gone, so the numbers are closer to the model that was trained.
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

// The other operand of a product with `v`; null where it is v again or the node is none.
Value* other_factor(const Node* n, const Value* v) {
  if (!n || !n->is("Mul") || n->inputs[0] == n->inputs[1]) return nullptr;
  return n->inputs[0] == v ? n->inputs[1] : n->inputs[1] == v ? n->inputs[0] : nullptr;
}

struct Match {
  Node* last = nullptr;                     // makes the real result
  Value *x = nullptr, *w = nullptr, *scale = nullptr, *zero = nullptr;
  Value* bias = nullptr;                    // of a convolution, where it was added as integers
  bool conv = false;
};

// Along which axis the scales of the weight lie: -1 for one scale; empty where they fit nowhere.
std::optional<int64_t> axis_of(const Match& m) {
  const int64_t count = m.scale->constant->count();
  if (count == 1) return -1;
  const int64_t axis = m.conv ? 0 : m.w->rank() - 1;
  const Shape& lengths = *m.scale->shape;
  // the scales multiply the result, whose channels are axis 1 of images and the last one of rows
  const size_t behind = m.conv ? static_cast<size_t>(m.w->rank()) - 2 : 0;
  if (axis < 0 || (*m.w->shape)[static_cast<size_t>(axis)] != count) return std::nullopt;
  if (lengths.size() <= behind || lengths[lengths.size() - 1 - behind] != count) return std::nullopt;
  return axis;
}

// The constant behind Reshape(Cast(Floor(bias / scale))); null where `v` is something else.
Value* divided_bias(const Value* v) {
  for (const char* op : {"Reshape", "Cast", "Floor"}) {
    const Node* n = made_by(v, op);
    if (!n) return nullptr;
    v = n->inputs[0];
  }
  const Node* n = made_by(v, "Div");
  return n && n->inputs[0]->is_constant() && n->inputs[0]->rank() == 1 ? n->inputs[0] : nullptr;
}

std::optional<Match> match(const Node& product) {
  Match m;
  m.conv = product.is("ConvInteger");
  const Node* quantizer = made_by(product.inputs[0], "DynamicQuantizeLinear");
  if (!quantizer || product.inputs[0] != quantizer->output(0) || product.input(2) != quantizer->output(2)) return std::nullopt;
  m.x = quantizer->inputs[0];
  m.w = product.inputs[1];
  m.zero = product.input(3);
  const Node* cast = only_user(product.output());
  if (m.conv && cast && cast->is("Add")) {
    m.bias = divided_bias(cast->inputs[cast->inputs[0] == product.output() ? 1 : 0]);
    if (!m.bias) return std::nullopt;
    cast = only_user(cast->output());
  }
  if (!cast || !cast->is("Cast") || cast->output()->dtype != BT_F32) return std::nullopt;
  m.last = only_user(cast->output());
  const Value* factor = other_factor(m.last, cast->output());
  m.scale = factor ? other_factor(factor->producer, quantizer->output(1)) : nullptr;
  if (!m.scale || !m.scale->is_constant() || !m.w->is_constant() || m.w->rank() < 2) return std::nullopt;
  if (m.zero && !m.zero->is_constant()) return std::nullopt;
  return m;
}

// As many zero points as there are scales; null where that cannot be.
Value* zero_points(Graph& graph, const Match& m, int64_t count) {
  if (m.zero->constant->count() == count) return graph.add_constant(m.zero->name, m.zero->constant->reshaped(count == 1 ? Shape{} : Shape{count}));
  if (m.zero->constant->count() != 1) return nullptr;
  const std::vector<uint8_t> bytes(static_cast<size_t>(count), m.zero->constant->bytes().data()[0]);
  return graph.add_constant(m.zero->name, Tensor(m.zero->dtype, {count}, Bytes(std::vector<uint8_t>(bytes))));
}

Result<bool> replace(Graph& graph, Node& product, const Match& m) {
  const auto axis = axis_of(m);
  if (!axis) return false;
  const int64_t count = m.scale->constant->count();
  Value* zero = m.zero ? zero_points(graph, m, count) : nullptr;
  if (m.zero && !zero) return false;
  Value* scale = graph.add_constant(m.scale->name, m.scale->constant->reshaped(count == 1 ? Shape{} : Shape{count}));
  AttrList how = *axis >= 0 ? AttrList{{"axis", *axis}} : AttrList{};
  TRY(Node* real, graph.insert_before(m.last, "DequantizeLinear", product.name, {m.w, scale, zero}, how, {m.w->name + ".real"}));
  TRY(Node* made, graph.insert_before(m.last, m.conv ? "Conv" : "MatMul", product.name,
                                      m.bias ? std::vector<Value*>{m.x, real->output(), m.bias} : std::vector<Value*>{m.x, real->output()},
                                      product.attrs(), {m.last->output()->name + ".product"}));
  take_over(graph, m.last->output(), made->output());
  graph.erase(m.last);
  return true;
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    if ((!node->is("MatMulInteger") && !node->is("ConvInteger")) || !ctx.selected(*node)) continue;
    const auto found = match(*node);
    if (!found) continue;
    TRY(const bool replaced, replace(graph, *node, *found));
    changed |= replaced;
  }
  if (changed) ctx.note("products that quantize their input at run time became products of floats");
  return changed;
}

}  // namespace

extern constinit const Pass fold_dynamic = make_pass<NoOptions, describe_nothing, run>(
    "Makes products that quantize their input at run time products of floats.", Effect::lossy);

}  // namespace bantam
