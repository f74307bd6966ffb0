// SPDX-License-Identifier: Apache-2.0
#include "pass/layouter.h"

#include <algorithm>

#include "base/format.h"

namespace bantam {
namespace {

// True where a permutation only moves lengths of 1: the bytes stay, and Reshape is free.
bool only_moves_ones(const Shape& shape, const Perm& perm) {
  Shape kept, moved;
  for (size_t i = 0; i < perm.size(); ++i) {
    if (shape[i] != 1) kept.push_back(static_cast<int64_t>(i));
    if (shape[static_cast<size_t>(perm[i])] != 1) moved.push_back(perm[i]);
  }
  return kept == moved;
}

// The twin was made out of the value itself.
bool is_border(const Value* v, const Value* twin) {
  return twin->producer && !twin->producer->inputs.empty() && twin->producer->inputs[0] == v;
}

}  // namespace

Layouter::Layouter(Graph& graph, ImageOrder to, PassContext& ctx)
    : graph_(graph), to_(to), layout_(to == ImageOrder::last ? "last" : "first"), ctx_(ctx) {}

Result<bool> Layouter::run() {
  find_sources();
  for (Node* node : graph_.nodes()) TRY(visit(node));
  if (twins_.empty()) return false;
  TRY(finish());
  return changed_;
}

Value* Layouter::twin(const Value* v) const {
  const auto it = twins_.find(v);
  return it == twins_.end() ? nullptr : it->second;
}

// A Transpose out of the new order into the old one, or the Reshape that does its work where one length is 1.
bool Layouter::makes_old(const Node& node) const {
  const Value *in = node.input(0), *out = node.output();
  if (!is_image(in) || !is_image(out) || in->rank() != out->rank() || in->is_constant()) return false;
  const Perm back = inverse(perm(in->rank()));
  if (node.is("Transpose")) return node.attr_ints("perm") == back;
  if (!node.is("Reshape") || !only_moves_ones(*in->shape, back)) return false;
  for (size_t i = 0; i < back.size(); ++i) {
    const int64_t length = (*in->shape)[static_cast<size_t>(back[i])];
    if ((*out->shape)[i] != length || length == -1) return false;
  }
  return true;
}

// Transposes that an image operator waits behind, with nothing between but what can follow it.
void Layouter::find_sources() {
  std::set<const Value*> wanted;
  const auto nodes = graph_.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    Node* node = *it;
    const Value* out = node->output();
    if (node->op->layout == BT_LAYOUT_SPATIAL && node->attr_word("layout") != layout_) wanted.insert(node->input(0));
    if (!out || !wanted.count(out)) continue;
    if (makes_old(*node)) {
      sources_.insert(node);
    } else if (node->op->layout != BT_LAYOUT_SPATIAL && node->op->layout != BT_LAYOUT_FIXED && node->op->layout != BT_LAYOUT_PERM) {
      for (const Value* v : node->inputs)
        if (v && v->rank() == out->rank()) wanted.insert(v);
    }
  }
}

// ---- making values in one order or the other ----

Result<Value*> Layouter::reorder(Value* v, const Perm& perm, Node* where, const std::string& name) {
  Shape shape;
  for (const int64_t i : perm) shape.push_back((*v->shape)[static_cast<size_t>(i)]);
  const auto free_lengths = std::count_if(shape.begin(), shape.end(), [](int64_t d) { return d < 0; });
  Node* made = nullptr;
  if (only_moves_ones(*v->shape, perm) && free_lengths <= 1) {
    Shape target = shape;
    for (int64_t& d : target)
      if (d < 0) d = -1;
    Value* to = graph_.add_constant(name + ".shape", Tensor::vector_of(target));
    TRY(made, graph_.insert_before(where, "Reshape", name, {v, to}, {}, {name}));
    made->output()->shape = shape;
  } else {
    TRY(made, graph_.insert_before(where, "Transpose", name, {v}, {{"perm", perm}}, {name}));
  }
  made->output()->quant = v->quant;
  changed_ = true;
  return made->output();
}

// "w" -> "w.last", and back.
std::string Layouter::twin_name(const std::string& name) const {
  const std::string old = to_ == ImageOrder::last ? ".first" : ".last";
  return name.ends_with(old) && name.size() > old.size() ? name.substr(0, name.size() - old.size()) : name + "." + layout_;
}

// A constant in the new order; lengths of 1 in front make up for a lower rank.
Value* Layouter::moved_constant(const Value* v, int rank) {
  const auto lead = static_cast<size_t>(rank - v->rank());
  Shape wide(lead, 1);
  wide.insert(wide.end(), v->shape->begin(), v->shape->end());
  auto quant = v->quant;
  if (quant && quant->axis >= 0 && lead > 0) {
    auto shifted = std::make_shared<Quant>(*quant);
    shifted->axis += static_cast<int>(lead);
    quant = shifted;
  }
  return graph_.add_constant(twin_name(v->name), permuted(v->constant->reshaped(wide), perm(rank)), permuted(quant, perm(rank)));
}

// The new form of an image, made where it is missing.
Result<Value*> Layouter::moved(Value* v, Node* where) {
  if (Value* t = twin(v)) return t;
  Value* made = nullptr;
  if (v->is_constant()) {
    made = moved_constant(v, v->rank());
  } else {
    TRY(made, reorder(v, perm(v->rank()), where, twin_name(v->name)));
  }
  return twins_[v] = made;
}

// The same operator on operands in the new order; outputs become twins of the old ones.
Result<void> Layouter::replace(Node* node, std::vector<Value*> inputs, AttrList attrs) {
  std::vector<std::string> names;
  for (const Value* v : node->outputs) names.push_back(v ? twin_name(v->name) : "");
  TRY(Node* made, graph_.insert_before(node, node->op->name, node->name, std::move(inputs), std::move(attrs), names));
  made->integer = node->integer;
  changed_ = true;
  for (size_t i = 0; i < names.size(); ++i) {
    const Value* old = node->outputs[i];
    if (!old) continue;
    Value* v = twins_[old] = made->outputs[i];
    v->dtype = old->dtype;  // of a product it follows from the scale, which comes now
    v->quant = old->quant;
    v->range = old->range;
  }
  return {};
}

Result<void> Layouter::visit(Node* node) {
  if (sources_.count(node)) {
    twins_[node->output()] = node->inputs[0];
    return {};
  }
  switch (node->op->layout) {
    case BT_LAYOUT_SPATIAL: return spatial(node);
    case BT_LAYOUT_ELEMENTWISE: return elementwise(node);
    case BT_LAYOUT_AXIS: return along_axis(node);
    case BT_LAYOUT_AXES: return over_axes(node);
    case BT_LAYOUT_PERM: return transpose(node);
    case BT_LAYOUT_PADS: return per_axis(node);
    default: return {};
  }
}

// ---- the end ----

// Whoever still reads an old value gets it made from its twin; what nobody reads goes.
Result<void> Layouter::finish() {
  const auto nodes = graph_.nodes();
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    Node* node = *it;
    const bool is_source = sources_.count(node) > 0;
    bool all_twins = !node->outputs.empty(), unused = true;
    for (Value* v : node->outputs) {
      if (!v) continue;
      all_twins = all_twins && twin(v) && !is_border(v, twin(v));
      unused = unused && v->uses().empty() && !v->is_output();
    }
    if (!all_twins || (is_source && !unused)) continue;
    if (!unused) TRY(make_old(node));
    std::vector<std::pair<std::string, Value*>> renames;
    for (Value* v : node->outputs)
      if (v && v->uses().empty() && !v->is_output()) renames.emplace_back(v->name, twin(v));
    graph_.erase(node);
    changed_ = true;
    if (is_source) continue;  // what it read has a name of its own
    for (const auto& [name, v] : renames)
      if (!graph_.find(name)) graph_.rename(v, name);
  }
  int left = 0;
  for (Node* node : graph_.nodes()) left += node->is("Transpose");
  ctx_.note(formatted("{} Transpose{} left", left, left == 1 ? " is" : "s are"));
  return {};
}

Result<void> Layouter::make_old(Node* node) {
  const std::string suffix = to_ == ImageOrder::last ? ".first" : ".last";
  for (Value* v : node->outputs) {
    if (!v || (v->uses().empty() && !v->is_output())) continue;
    TRY(Value* made, reorder(twin(v), inverse(perm(v->rank())), node, v->name + suffix));
    made->shape = v->shape;
    if (v->is_output()) graph_.take_over_output(v, made);
    graph_.replace_uses(v, made);
  }
  return {};
}

}  // namespace bantam
