// SPDX-License-Identifier: Apache-2.0
#include "ir/graph.h"

#include <algorithm>
#include <cassert>

#include "base/format.h"
#include "base/text.h"
#include "ir/infer.h"
#include "ir/op.h"

namespace bantam {

// ---- symbols ----

int64_t Symbols::dim(std::string_view name) {
  const auto [it, fresh] = dims_.try_emplace(std::string(name), -2 - static_cast<int64_t>(names_.size()));
  if (fresh) names_.emplace_back(name);
  return it->second;
}

std::string Symbols::name(int64_t dim) const {
  const auto i = static_cast<size_t>(-2 - dim);
  return dim < -1 && i < names_.size() ? names_[i] : "?";
}

// ---- looking ----

Graph::Graph(std::string graph_name, std::shared_ptr<Symbols> symbols)
    : name(std::move(graph_name)),
      symbols_(symbols ? std::move(symbols) : std::make_shared<Symbols>()) {}

std::vector<Node*> Graph::nodes() const {
  std::vector<Node*> list;
  list.reserve(node_count_);
  for (Node* n = first_; n; n = n->next_) list.push_back(n);
  return list;
}

std::vector<Value*> Graph::values() const {
  std::vector<Value*> list;
  for (const auto& v : values_)
    if (v) list.push_back(v.get());
  return list;
}

Value* Graph::find(std::string_view value_name) const {
  const auto it = by_name_.find(std::string(value_name));
  return it == by_name_.end() ? nullptr : it->second;
}

// ---- building ----

std::string Graph::unique_name(std::string_view base) const {
  std::string candidate(base);
  if (!candidate.empty() && !by_name_.count(candidate)) return candidate;
  int& number = next_number_[candidate];
  for (;;) {
    std::string numbered = formatted("{}_{}", base.empty() ? "v" : std::string(base), ++number);
    if (!by_name_.count(numbered)) return numbered;
  }
}

Value* Graph::new_value(std::string_view value_name) {
  auto value = std::make_unique<Value>();
  value->name = unique_name(value_name);
  value->slot_ = values_.size();
  by_name_[value->name] = value.get();
  values_.push_back(std::move(value));
  return values_.back().get();
}

Value* Graph::add_input(std::string_view value_name, DType dtype, std::optional<Shape> shape) {
  Value* v = new_value(value_name);
  v->dtype = dtype;
  v->shape = std::move(shape);
  v->is_input_ = true;
  inputs_.push_back(v);
  return v;
}

Value* Graph::add_constant(std::string_view value_name, Tensor data,
                           std::shared_ptr<const Quant> quant) {
  Value* v = new_value(value_name);
  v->dtype = data.dtype();
  v->shape = data.shape();
  v->quant = std::move(quant);
  v->constant = std::make_shared<const Tensor>(std::move(data));
  return v;
}

void Graph::add_output(Value* value) {
  value->output_places_.push_back(outputs_.size());
  outputs_.push_back(value);
}

Result<Node*> Graph::append(std::string_view op, std::string_view node_name,
                            std::vector<Value*> inputs, AttrList attrs,
                            const std::vector<std::string>& outputs) {
  return insert_before(nullptr, op, node_name, std::move(inputs), std::move(attrs), outputs);
}

Result<Node*> Graph::insert_before(Node* where, std::string_view op, std::string_view node_name,
                                   std::vector<Value*> inputs, AttrList attrs,
                                   const std::vector<std::string>& outputs) {
  auto owned = std::make_unique<Node>();
  Node* node = owned.get();
  node->op = find_op(op);
  if (!node->op)
    return Error{Code::internal, formatted("there is no operator {}", quote(op))};
  node->name = node_name;
  for (auto& [key, value] : attrs) TRY(node->set_attr(key, std::move(value)));
  node->inputs = std::move(inputs);
  node->slot_ = nodes_.size();
  nodes_.push_back(std::move(owned));
  for (size_t i = 0; i < node->inputs.size(); ++i)
    if (node->inputs[i]) link_use(node->inputs[i], node, static_cast<int>(i));
  for (const std::string& out : outputs) {
    Value* v = out.empty() ? nullptr : new_value(out);
    if (v) v->producer = node;
    node->outputs.push_back(v);
  }
  link(node, where);
  if (auto inferred = infer_node(*this, *node); !inferred.ok()) {
    erase(node);
    return inferred.error();
  }
  return node;
}

// ---- editing ----

void Graph::link(Node* node, Node* where) {
  node->next_ = where;
  node->prev_ = where ? where->prev_ : last_;
  (node->prev_ ? node->prev_->next_ : first_) = node;
  (where ? where->prev_ : last_) = node;
  ++node_count_;
}

void Graph::unlink(Node* node) {
  (node->prev_ ? node->prev_->next_ : first_) = node->next_;
  (node->next_ ? node->next_->prev_ : last_) = node->prev_;
  --node_count_;
}

void Graph::link_use(Value* value, Node* node, int index) {
  node->use_slots_.resize(node->inputs.size());
  node->use_slots_[static_cast<size_t>(index)] = value->uses_.size();
  value->uses_.push_back({node, index});
}

// The last use takes the place of the one that goes: constant time, however many users a value has.
void Graph::unlink_use(Value* value, Node* node, int index) {
  auto& uses = value->uses_;
  const size_t slot = node->use_slots_[static_cast<size_t>(index)];
  assert(slot < uses.size() && uses[slot].node == node && uses[slot].index == index);
  uses[slot] = uses.back();
  uses[slot].node->use_slots_[static_cast<size_t>(uses[slot].index)] = slot;
  uses.pop_back();
}

void Graph::set_input(Node* node, int index, Value* value) {
  const auto i = static_cast<size_t>(index);
  if (node->inputs[i]) unlink_use(node->inputs[i], node, index);
  node->inputs[i] = value;
  if (value) link_use(value, node, index);
}

void Graph::add_node_input(Node* node, Value* value) {
  node->inputs.push_back(nullptr);
  set_input(node, static_cast<int>(node->inputs.size()) - 1, value);
}

void Graph::replace_uses(Value* old_value, Value* new_value) {
  if (old_value == new_value) return;
  const std::vector<Use> uses = std::move(old_value->uses_);
  old_value->uses_.clear();
  for (const Use& use : uses) {
    use.node->inputs[static_cast<size_t>(use.index)] = new_value;
    link_use(new_value, use.node, use.index);
  }
  move_output_places(old_value, new_value);
}

void Graph::move_output_places(Value* from, Value* to) {
  for (const size_t place : from->output_places_) {
    outputs_[place] = to;
    to->output_places_.push_back(place);
  }
  from->output_places_.clear();
}

void Graph::forget_value(Value* value) {
  by_name_.erase(value->name);
  values_[value->slot_].reset();
}

void Graph::erase(Node* node) {
  for (size_t i = 0; i < node->inputs.size(); ++i)
    if (node->inputs[i]) unlink_use(node->inputs[i], node, static_cast<int>(i));
  for (Value* out : node->outputs) {
    if (!out) continue;
    assert(out->uses_.empty() && !out->is_output());
    forget_value(out);
  }
  unlink(node);
  nodes_[node->slot_].reset();
}

void Graph::erase_constant(Value* unused) {
  assert(unused->uses_.empty() && !unused->is_output() && !unused->producer);
  forget_value(unused);
}

void Graph::make_constant(Value* value, Tensor data) {
  if (Node* node = value->producer)
    for (Value*& out : node->outputs)
      if (out == value) out = nullptr;
  value->producer = nullptr;
  value->dtype = data.dtype();
  value->shape = data.shape();
  value->known.reset();
  value->partial.clear();
  value->constant = std::make_shared<const Tensor>(std::move(data));
}

void Graph::move_before(Node* node, Node* where) {
  unlink(node);
  link(node, where);
}

void Graph::rename(Value* value, std::string_view new_name) {
  by_name_.erase(value->name);
  value->name = unique_name(new_name);
  by_name_[value->name] = value;
}

void Graph::remove_input(size_t index) {
  Value* v = inputs_[index];
  assert(v->uses_.empty() && !v->is_output());
  inputs_.erase(inputs_.begin() + static_cast<std::ptrdiff_t>(index));
  forget_value(v);
}

void Graph::set_input_order(const std::vector<Value*>& order) {
  assert(order.size() == inputs_.size());
  inputs_ = order;
}

void Graph::bind_input(Value* input, Tensor data) {
  inputs_.erase(std::find(inputs_.begin(), inputs_.end(), input));
  input->is_input_ = false;
  make_constant(input, std::move(data));
}

void Graph::take_over_output(Value* old_value, Value* new_value) {
  const std::string wanted = old_value->name;
  move_output_places(old_value, new_value);
  rename(old_value, wanted + ".inner");
  rename(new_value, wanted);
}

// ---- copying ----

Node* Graph::copy_node(const Node& n, const std::vector<Value*>& inputs,
                       const std::vector<Value*>& outputs) {
  auto owned = std::make_unique<Node>();
  Node* m = owned.get();
  m->name = n.name;
  m->op = n.op;
  m->integer = n.integer;
  m->attrs_ = n.attrs_;
  for (auto& [index, value] : m->attrs_)
    if (auto* graph = std::get_if<std::shared_ptr<Graph>>(&value))
      *graph = std::make_shared<Graph>((*graph)->clone());
  m->slot_ = nodes_.size();
  nodes_.push_back(std::move(owned));
  m->inputs = inputs;
  m->outputs = outputs;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]) link_use(inputs[i], m, static_cast<int>(i));
  for (Value* v : outputs)
    if (v) v->producer = m;
  link(m, nullptr);
  return m;
}

Value* Graph::copy_value(const Value& v) {
  Value* w = new_value(v.name);
  w->dtype = v.dtype;
  w->shape = v.shape;
  w->constant = v.constant;
  w->quant = v.quant;
  w->range = v.range;
  w->known = v.known;
  w->partial = v.partial;
  w->is_input_ = v.is_input_;
  return w;
}

Node* Graph::adopt_copy(const Node& node, const std::vector<Value*>& inputs) {
  std::vector<Value*> outputs;
  for (const Value* v : node.outputs) {
    outputs.push_back(v ? copy_value(*v) : nullptr);
    if (v) add_output(outputs.back());
  }
  return copy_node(node, inputs, outputs);
}

Graph Graph::clone() const {
  Graph copy(name, symbols_);
  std::unordered_map<const Value*, Value*> twin;
  twin[nullptr] = nullptr;
  for (const auto& v : values_)
    if (v) twin[v.get()] = copy.copy_value(*v);
  for (const Value* v : inputs_) copy.inputs_.push_back(twin[v]);
  for (const Value* v : outputs_) copy.add_output(twin[v]);
  for (const Node* n = first_; n; n = n->next_) {
    std::vector<Value*> inputs, outputs;
    for (const Value* v : n->inputs) inputs.push_back(twin[v]);
    for (const Value* v : n->outputs) outputs.push_back(twin[v]);
    copy.copy_node(*n, inputs, outputs);
  }
  return copy;
}

}  // namespace bantam
