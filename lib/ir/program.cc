// SPDX-License-Identifier: Apache-2.0
#include "ir/program.h"

#include <algorithm>
#include <deque>

#include "ir/op.h"

namespace bantam {

// Owns the arrays of all graphs of a program. Deques, so that nothing moves when something is added.
struct Program::Pool {
  bt_graph main{};
  std::unordered_map<std::string, int> main_index;
  std::unordered_map<const bt_value*, const Tensor*> tensors;
  std::unordered_map<const bt_value*, const Quant*> quants_of;

  std::vector<std::shared_ptr<const void>> alive;
  std::deque<std::vector<bt_value>> values;
  std::deque<std::vector<bt_node>> nodes;
  std::deque<std::vector<bt_attr>> attrs;
  std::deque<std::vector<int32_t>> indexes;
  std::deque<std::vector<int64_t>> ints;
  std::deque<std::vector<float>> floats;
  std::deque<std::vector<const char*>> texts;
  std::deque<std::string> names;
  std::deque<bt_tensor> attr_tensors;
  std::deque<bt_graph> graphs;
  std::deque<bt_quant> quants;
  std::unordered_map<const Quant*, const bt_quant*> known_quants;

  const char* keep(const std::string& text) { return names.emplace_back(text).c_str(); }
  const int32_t* keep(std::vector<int32_t> list) { return indexes.emplace_back(std::move(list)).data(); }
  const bt_quant* keep(const std::shared_ptr<const Quant>& quant);
  bt_attr lower(const AttrValue* value, const bt_attr_spec& spec, const ProgramOptions& options);
  const bt_attr* lower_attrs(const Node& node, const ProgramOptions& options);
  bt_graph lower(const Graph& graph, const ProgramOptions& options, bool is_main);
};

namespace {

// What lowering does with the values of one graph.
struct Indexes {
  std::unordered_map<const Value*, int32_t> of;   // what readers see
  std::unordered_map<const Value*, int32_t> raw;  // what the producer writes, where it is rounded behind
  int32_t at(const Value* v) const { return v ? of.at(v) : -1; }
  int32_t written(const Value* v) const {
    const auto it = raw.find(v);
    return it == raw.end() ? at(v) : it->second;
  }
};

bool is_lowered(const Value& v) { return v.quant && !bt_is_float(v.dtype); }
bool is_annotated(const Value& v) { return v.quant && bt_is_float(v.dtype); }

}  // namespace

const bt_quant* Program::Pool::keep(const std::shared_ptr<const Quant>& quant) {
  const bt_quant*& slot = known_quants[quant.get()];
  if (!slot) {
    alive.push_back(quant);
    slot = &quants.emplace_back(bt_quant{.axis = quant->axis,
                                         .n = static_cast<int>(quant->scale.size()),
                                         .scale = quant->scale.data(),
                                         .zero = quant->zero.empty() ? nullptr : quant->zero.data()});
  }
  return slot;
}

bt_attr Program::Pool::lower(const AttrValue* value, const bt_attr_spec& spec,
                             const ProgramOptions& options) {
  bt_attr a{};
  a.i = spec.i;
  a.f = spec.f;
  if (!value) return a;
  if (const auto* i = std::get_if<int64_t>(value)) {
    a.i = *i;
  } else if (const auto* f = std::get_if<float>(value)) {
    a.f = *f;
  } else if (const auto* s = std::get_if<std::string>(value)) {
    if (spec.kind == BT_ENUM) a.i = word_index(spec, *s);
    else a.n = 1, a.u.text = keep(*s);
  } else if (const auto* list = std::get_if<std::vector<int64_t>>(value)) {
    a.n = static_cast<int32_t>(list->size());
    a.u.ints = ints.emplace_back(*list).data();
  } else if (const auto* reals = std::get_if<std::vector<float>>(value)) {
    a.n = static_cast<int32_t>(reals->size());
    a.u.floats = floats.emplace_back(*reals).data();
  } else if (const auto* words = std::get_if<std::vector<std::string>>(value)) {
    std::vector<const char*> pointers;
    for (const std::string& t : *words) pointers.push_back(keep(t));
    a.n = static_cast<int32_t>(pointers.size());
    a.u.texts = texts.emplace_back(std::move(pointers)).data();
  } else if (const auto* tensor = std::get_if<std::shared_ptr<const Tensor>>(value)) {
    alive.push_back(*tensor);
    bt_tensor& t = attr_tensors.emplace_back();
    t.dtype = (*tensor)->dtype();
    t.rank = (*tensor)->rank();
    std::copy((*tensor)->shape().begin(), (*tensor)->shape().end(), t.dims);
    t.data = const_cast<uint8_t*>((*tensor)->bytes().data());  // read-only by contract
    t.constant = 1;
    a.n = 1;
    a.u.tensor = &t;
  } else if (const auto* graph = std::get_if<std::shared_ptr<Graph>>(value)) {
    const bt_graph body = lower(**graph, options, false);
    a.n = 1;
    a.u.graph = &graphs.emplace_back(body);
  }
  return a;
}

const bt_attr* Program::Pool::lower_attrs(const Node& node, const ProgramOptions& options) {
  std::vector<bt_attr> list;
  for (int i = 0; i < attr_count(*node.op); ++i)
    list.push_back(lower(node.attr(static_cast<size_t>(i)), node.op->attrs[i], options));
  return attrs.emplace_back(std::move(list)).data();
}

bt_graph Program::Pool::lower(const Graph& graph, const ProgramOptions& options, bool is_main) {
  std::vector<bt_value> own_values;
  std::vector<bt_node> own_nodes;
  std::vector<std::pair<size_t, const Tensor*>> constants;
  std::vector<std::pair<size_t, const Quant*>> constant_quants;
  Indexes index;
  const auto add = [&](const Value& v, const std::string& name) {
    bt_value out{};
    out.name = keep(name);
    out.dtype = v.dtype;
    out.rank = v.rank();
    for (int i = 0; i < out.rank; ++i) out.dims[i] = (*v.shape)[static_cast<size_t>(i)];
    if (is_lowered(v)) out.quant = keep(v.quant);
    own_values.push_back(out);
    return static_cast<int32_t>(own_values.size()) - 1;
  };
  for (const Value* v : graph.values()) {
    const int32_t i = index.of[v] = add(*v, v->name);
    if (!v->constant) continue;
    std::shared_ptr<const Tensor> tensor = v->constant;
    if (options.simulate && is_annotated(*v))
      tensor = std::make_shared<const Tensor>(decode(encode(*tensor, *v->quant), *v->quant));
    static const uint8_t kEmpty[8] = {};
    own_values[static_cast<size_t>(i)].data = tensor->bytes().empty() ? kEmpty : tensor->bytes().data();
    constants.emplace_back(i, tensor.get());
    if (v->quant) constant_quants.emplace_back(i, v->quant.get());
    alive.push_back(std::move(tensor));
    if (v->quant) alive.push_back(v->quant);
  }

  // The rounding of annotated values stands behind whatever makes them: a node, or the caller.
  const auto round = [&](const Value& v, int32_t from, int32_t to) {
    static const bt_op* const op = find_op("FakeQuantize");
    const Quant& q = *v.quant;
    std::vector<bt_attr> list(static_cast<size_t>(attr_count(*op)));
    list[static_cast<size_t>(attr_index(*op, "hi"))].i = q.hi();
    list[static_cast<size_t>(attr_index(*op, "lo"))].i = q.lo();
    list[static_cast<size_t>(attr_index(*op, "scale"))].f = q.scale[0];
    list[static_cast<size_t>(attr_index(*op, "zero"))].i = q.zero_at(0);
    own_nodes.push_back({.op = op, .name = keep(v.name), .n_in = 1, .n_out = 1, .in = keep(std::vector<int32_t>{from}),
                         .out = keep(std::vector<int32_t>{to}), .attrs = attrs.emplace_back(std::move(list)).data()});
  };
  const auto is_rounded = [&](const Value* v) {
    return options.simulate && v && !v->constant && is_annotated(*v);
  };
  std::vector<int32_t> in_list, out_list;
  for (const Value* v : graph.inputs()) {
    if (is_rounded(v)) {
      index.raw[v] = add(*v, v->name);
      round(*v, index.raw[v], index.of[v]);
    }
    in_list.push_back(index.written(v));
  }
  for (const Node* node : graph.nodes()) {
    std::vector<int32_t> in, out;
    for (const Value* v : node->inputs) in.push_back(index.at(v));
    for (const Value* v : node->outputs) {
      if (is_rounded(v)) index.raw[v] = add(*v, v->name + ".raw");
      out.push_back(v ? index.written(v) : -1);
    }
    own_nodes.push_back({.op = node->op, .name = keep(node->name.empty() && node->output() ? node->output()->name : node->name), .n_in = static_cast<int>(in.size()),
                         .n_out = static_cast<int>(out.size()), .in = keep(std::move(in)),
                         .out = keep(std::move(out)), .attrs = lower_attrs(*node, options)});
    for (const Value* v : node->outputs)
      if (is_rounded(v)) round(*v, index.raw[v], index.of[v]);
  }
  for (const Value* v : graph.outputs()) out_list.push_back(index.at(v));

  if (is_main)
    for (const auto& [v, i] : index.of) main_index[v->name] = i;
  bt_graph result{};
  result.n_values = static_cast<int>(own_values.size());
  result.n_nodes = static_cast<int>(own_nodes.size());
  result.n_inputs = static_cast<int>(in_list.size());
  result.n_outputs = static_cast<int>(out_list.size());
  result.values = values.emplace_back(std::move(own_values)).data();
  result.nodes = nodes.emplace_back(std::move(own_nodes)).data();
  result.inputs = keep(std::move(in_list));
  result.outputs = keep(std::move(out_list));
  for (const auto& [i, tensor] : constants) tensors[&result.values[i]] = tensor;
  for (const auto& [i, quant] : constant_quants) quants_of[&result.values[i]] = quant;
  return result;
}

Program::Program(const Graph& graph, const ProgramOptions& options) : pool_(std::make_unique<Pool>()) {
  pool_->main = pool_->lower(graph, options, true);
}
Program::~Program() = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;

const bt_graph& Program::graph() const { return pool_->main; }

int Program::index_of(const std::string& value_name) const {
  const auto it = pool_->main_index.find(value_name);
  return it == pool_->main_index.end() ? -1 : it->second;
}

const Tensor* Program::tensor_of(const bt_value* value) const {
  const auto it = pool_->tensors.find(value);
  return it == pool_->tensors.end() ? nullptr : it->second;
}

const Quant* Program::quant_of(const bt_value* value) const {
  const auto it = pool_->quants_of.find(value);
  return it == pool_->quants_of.end() ? nullptr : it->second;
}

}  // namespace bantam
