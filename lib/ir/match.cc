// SPDX-License-Identifier: Apache-2.0
#include "ir/match.h"

#include <algorithm>
#include <limits>

namespace bantam {

Node* made_by(const Value* v, std::string_view op) {
  return v && v->producer && v->producer->is(op) ? v->producer : nullptr;
}

Node* only_user(const Value* v) {
  if (!v || v->is_output() || v->uses().empty()) return nullptr;
  Node* first = v->uses()[0].node;
  const bool alone = std::all_of(v->uses().begin(), v->uses().end(),
                                 [&](const Use& u) { return u.node == first; });
  return alone ? first : nullptr;
}

std::optional<double> number_of(const Value* v) {
  if (!v || !v->is_constant() || v->constant->count() != 1) return std::nullopt;
  if (!bt_is_type(v->dtype, BT_TYPES_NUMBER)) return std::nullopt;
  return v->constant->number(0);
}

std::optional<std::vector<int64_t>> integers_of(const Value* v) {
  if (!v || (v->dtype != BT_I64 && v->dtype != BT_I32)) return std::nullopt;
  if (v->constant) return v->constant->integers();
  if (v->known) return v->known->integers();
  return std::nullopt;
}

std::optional<ConstantOperand> constant_operand(const Node& node) {
  if (node.inputs.size() != 2) return std::nullopt;
  for (const size_t i : {size_t{1}, size_t{0}}) {
    Value *x = node.inputs[1 - i], *constant = node.inputs[i];
    if (!x || !constant || !constant->is_constant() || constant->quant) continue;
    if (!x->is_constant()) return ConstantOperand{x, constant};
  }
  return std::nullopt;
}

bool has_clamp(const Node& node) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  return node.has_attr("lo") && !node.is("FakeQuantize") &&  // whose bounds are integers
         (node.attr_float("lo") != -kInfinity || node.attr_float("hi") != kInfinity);
}

bool same_shape(const Value* a, const Value* b) {
  if (!a || !b || !a->shape || !b->shape || a->shape->size() != b->shape->size()) return false;
  for (size_t i = 0; i < a->shape->size(); ++i)
    if ((*a->shape)[i] == -1 || (*a->shape)[i] != (*b->shape)[i]) return false;
  return true;
}

bool same_type(const Value* a, const Value* b) {
  if (a->dtype != b->dtype) return false;
  if (!a->quant || !b->quant) return !a->quant && !b->quant;
  return *a->quant == *b->quant;
}

std::optional<Shape> reshape_target(const Value* x, const Value* out) {
  if (!x->shape || !out->shape) return std::nullopt;
  Shape target;
  int open = 0;
  for (size_t i = 0; i < out->shape->size(); ++i) {
    const int64_t d = (*out->shape)[i];
    if (d == 0) return std::nullopt;  // would mean a copy
    const bool copied = d < -1 && i < x->shape->size() && (*x->shape)[i] == d;
    if (d < 0 && !copied) ++open;
    target.push_back(d > 0 ? d : copied ? 0 : -1);
  }
  if (open > 1) return std::nullopt;
  return target;
}

void take_over(Graph& graph, Value* old_value, Value* value) {
  graph.take_over_output(old_value, value);
  graph.replace_uses(old_value, value);
}

void replace_constant(Graph& graph, Node* node, int index, Tensor data, std::string_view suffix) {
  Value* old = node->inputs[static_cast<size_t>(index)];
  const std::string name =
      old->name.ends_with(suffix) ? old->name : old->name + std::string(suffix);
  Value* fresh = graph.add_constant(name, std::move(data));
  graph.set_input(node, index, fresh);
  graph.erase_constant(old);
  if (fresh->name != name) graph.rename(fresh, name);
}

bool read_instead(Graph& graph, Value* old_value, Value* value) {
  if (!old_value->is_output()) {
    if (old_value->uses().empty()) return false;
    graph.replace_uses(old_value, value);
    return true;
  }
  if (!value->is_output() && !value->is_input()) {
    take_over(graph, old_value, value);
    return true;
  }
  const std::vector<Use> uses = old_value->uses();
  for (const Use& u : uses) graph.set_input(u.node, u.index, value);
  return !uses.empty();
}

}  // namespace bantam
