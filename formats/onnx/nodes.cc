// SPDX-License-Identifier: Apache-2.0
// Nodes: order, names, attributes, constants, and the expansion of local functions.
#include <algorithm>
#include <deque>
#include <type_traits>

#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/import.h"
#include "ir/op.h"

namespace bantam {
namespace {

Error bad(const std::string& message) { return {Code::bad_input, message}; }

std::string label(const onnx::NodeProto& node) {
  const std::string name = !node.name().empty() ? node.name() : node.output_size() ? node.output(0) : "?";
  return formatted("node {} ({})", quote(name), op_text(node.op_type()));
}

// Names that a node reads: its inputs, and what the graphs inside it take from outside.
void free_names(const onnx::NodeProto& node, std::vector<std::string>& out) {
  for (const std::string& in : node.input())
    if (!in.empty()) out.push_back(in);
  for (const auto& attr : node.attribute()) {
    const auto visit = [&](const onnx::GraphProto& g) {
      std::set<std::string> own;
      for (const auto& v : g.input()) own.insert(v.name());
      for (const auto& t : g.initializer()) own.insert(t.name());
      for (const auto& t : g.sparse_initializer()) own.insert(t.values().name());
      for (const auto& n : g.node()) own.insert(n.output().begin(), n.output().end());
      std::vector<std::string> inner;
      for (const auto& n : g.node()) free_names(n, inner);
      for (const auto& v : g.output()) inner.push_back(v.name());
      for (std::string& name : inner)
        if (!own.count(name)) out.push_back(std::move(name));
    };
    if (attr.has_g()) visit(attr.g());
    for (const auto& g : attr.graphs()) visit(g);
  }
}

const char* kind_name(const AttrValue& v) {
  static constexpr const char* kNames[] = {"int", "float", "string", "ints", "floats", "strings", "tensor", "graph"};
  return kNames[v.index()];
}

// What kind of AttrValue a schema entry takes.
size_t kind_index(const bt_attr_spec& spec) {
  switch (spec.kind) {
    case BT_INT: return 0;
    case BT_FLOAT: return 1;
    case BT_ENUM:
    case BT_TEXT: return 2;
    case BT_INTS: return 3;
    case BT_FLOATS: return 4;
    case BT_TEXTS: return 5;
    case BT_TENSOR: return 6;
    default: return 7;
  }
}

}  // namespace

// ---- names ----

Value* Importer::find(const std::string& name, Scope& scope) {
  if (const auto it = scope.values.find(name); it != scope.values.end()) return it->second;
  if (!scope.outer) return nullptr;
  Value* outside = find(name, *scope.outer);
  if (!outside) return nullptr;
  Value*& inside = scope.captured[outside];  // one input, under however many names
  if (!inside && outside->constant) {
    inside = scope.graph->add_constant(name, *outside->constant);
  } else if (!inside) {
    inside = scope.graph->add_input(name, outside->dtype, scope.shapes ? outside->shape : std::nullopt);
    scope.captures.emplace_back(name, outside);
  }
  return scope.values[name] = inside;
}

Result<Value*> Importer::lookup(const std::string& name, Scope& scope, const std::string& node_name) {
  if (name.empty()) return nullptr;
  for (const Scope* s = &scope; s && !s->values.count(name); s = s->outer)
    if (s->absent.count(name)) return nullptr;
  if (Value* v = find(name, scope)) return v;
  return bad(formatted("{}: its input {} is made by no node and is no input of the graph", node_name, quote(name)));
}

Result<void> Importer::define(const std::string& name, Value* value, Scope& scope) {
  if (!scope.values.emplace(name, value).second)
    return bad(formatted("{} is defined twice; every name can be given one value only", quote(name)));
  return {};
}

// ---- order ----

// The nodes in an order of execution. ONNX demands one; files that break the rule are put in order,
// and cycles are refused.
Result<std::vector<const onnx::NodeProto*>> Importer::sorted(const NodeList& nodes, const Scope& scope) {
  std::unordered_map<std::string, int> maker;
  for (int i = 0; i < nodes.size(); ++i)
    for (const std::string& out : nodes[i].output())
      if (!out.empty() && (!maker.emplace(out, i).second || scope.values.count(out)))
        return bad(formatted("{}: {} is defined twice; every name can be given one value only", label(nodes[i]), quote(out)));
  std::vector<const onnx::NodeProto*> order;
  std::vector<std::vector<int>> readers(static_cast<size_t>(nodes.size()));
  std::vector<int> waiting(static_cast<size_t>(nodes.size()));
  bool in_order = true;
  std::vector<std::string> names;
  for (int i = 0; i < nodes.size(); ++i) {
    names.clear();
    free_names(nodes[i], names);
    for (const std::string& name : names) {
      const auto it = maker.find(name);
      if (it == maker.end()) continue;
      if (it->second >= i) in_order = false;
      readers[static_cast<size_t>(it->second)].push_back(i);
      ++waiting[static_cast<size_t>(i)];
    }
  }
  if (in_order) {
    for (const auto& node : nodes) order.push_back(&node);
    return order;
  }
  std::deque<int> ready;
  for (int i = 0; i < nodes.size(); ++i)
    if (waiting[static_cast<size_t>(i)] == 0) ready.push_back(i);
  while (!ready.empty()) {
    const int i = ready.front();
    ready.pop_front();
    order.push_back(&nodes[i]);
    for (const int r : readers[static_cast<size_t>(i)])
      if (--waiting[static_cast<size_t>(r)] == 0) ready.push_back(r);
  }
  for (int i = 0; i < nodes.size(); ++i)
    if (waiting[static_cast<size_t>(i)] > 0 && nodes[i].output_size() > 0)
      return bad(formatted("{}: the nodes form a cycle through {}", label(nodes[i]), quote(nodes[i].output(0))));
  result_.notes.push_back("the nodes of the file are not in order of execution; they were sorted");
  return order;
}

Result<void> Importer::import_nodes(const NodeList& nodes, Scope& scope) {
  TRY(const auto order, sorted(nodes, scope));
  for (const onnx::NodeProto* node : order) TRY(import_node(*node, scope));
  return {};
}

// ---- one node ----

template <typename Proto>
Result<Tensor> Importer::tensor_of(const Proto& proto) {
  if (const auto it = tensors_.find(&proto); it != tensors_.end()) return it->second;
  Result<Tensor> made = [&]() -> Result<Tensor> {
    if constexpr (std::is_same_v<Proto, onnx::TensorProto>) return tensor_from_proto(proto, nullptr, files_, options_.limits);
    else return tensor_from_sparse(proto, files_, options_.limits);
  }();
  if (made.ok()) tensors_.emplace(&proto, *made);
  return made;
}
template Result<Tensor> Importer::tensor_of(const onnx::TensorProto& proto);
template Result<Tensor> Importer::tensor_of(const onnx::SparseTensorProto& proto);

Result<void> Importer::parse_attribute(const onnx::AttributeProto& given, OnnxNode& node, Scope& scope) {
  const onnx::AttributeProto* proto = &given;
  if (!given.ref_attr_name().empty()) {  // inside a function: the caller's attribute
    const auto* arguments = scope.arguments;
    if (!arguments) return bad(formatted("attribute {} refers to {} outside of a function", quote(given.name()), quote(given.ref_attr_name())));
    const auto it = arguments->find(given.ref_attr_name());
    if (it == arguments->end()) return {};  // not given: the operator's default holds
    proto = it->second;
  }
  using A = onnx::AttributeProto;
  int type = proto->type();
  if (type == A::UNDEFINED)  // files of the first IR versions state no type
    type = proto->has_f() ? A::FLOAT : proto->has_i() ? A::INT : proto->has_s() ? A::STRING : proto->has_t() ? A::TENSOR
         : proto->has_g() ? A::GRAPH : proto->floats_size() ? A::FLOATS : proto->strings_size() ? A::STRINGS : A::INTS;
  AttrValue value;
  switch (type) {
    case A::FLOAT: value = proto->f(); break;
    case A::INT: value = static_cast<int64_t>(proto->i()); break;
    case A::STRING: value = proto->s(); break;
    case A::FLOATS: value = std::vector<float>(proto->floats().begin(), proto->floats().end()); break;
    case A::INTS: value = std::vector<int64_t>(proto->ints().begin(), proto->ints().end()); break;
    case A::STRINGS: value = std::vector<std::string>(proto->strings().begin(), proto->strings().end()); break;
    case A::TENSOR: {
      TRY(Tensor tensor, tensor_of(proto->t()));
      value = std::make_shared<const Tensor>(std::move(tensor));
      break;
    }
    case A::SPARSE_TENSOR: {
      TRY(Tensor tensor, tensor_of(proto->sparse_tensor()));
      value = std::make_shared<const Tensor>(std::move(tensor));
      break;
    }
    case A::GRAPH: {
      TRY(value, import_subgraph(proto->g(), scope, node, pending_captures_[given.name()]));
      break;
    }
    default:
      return Error{Code::unsupported, formatted("attribute {} has type {}, which is not supported", quote(given.name()), type)};
  }
  if (!node.attrs.emplace(given.name(), std::move(value)).second)
    return bad(formatted("attribute {} is given twice", quote(given.name())));
  return {};
}

Result<OnnxNode> Importer::parse_node(const onnx::NodeProto& proto, Scope& scope) {
  OnnxNode node;
  if (!proto.name().empty()) node.name = scope.prefix + proto.name();
  node.op = proto.op_type();
  node.domain = domain_of(proto.domain());
  const auto opset = scope.opsets.find(node.domain);
  if (opset == scope.opsets.end() && !functions_.count({node.domain, node.op})) {
    if (node.domain.empty()) return bad(formatted("{}: the model imports no opset of the default domain", label(proto)));
    node.opset = 1;  // exporters often forget to import com.microsoft
  } else if (opset != scope.opsets.end()) {
    node.opset = opset->second;
  }
  for (const std::string& in : proto.input()) {
    TRY(Value* v, lookup(in, scope, label(proto)));
    node.inputs.push_back(v);
  }
  for (const std::string& out : proto.output()) node.outputs.push_back(out);
  return node;
}

// A common fault of quantized files, which some runtimes refuse and others read with the first scale alone.
void Importer::note_scales(const OnnxNode& node) {
  constexpr int kPerChannel = 13;
  if (!node.domain.empty() || node.opset >= kPerChannel || (node.op != "DequantizeLinear" && node.op != "QuantizeLinear")) return;
  const Value* scale = node.input(1);
  if (!scale || !scale->is_constant() || scale->constant->count() < 2 || notes_scales_) return;
  notes_scales_ = true;
  result_.notes.push_back(formatted("{} {} has a scale per channel, which opset {} does not know: runtimes refuse the file or take one "
                                    "scale for all; it needs opset {}", node.op, quote(node.outputs.empty() ? "" : node.outputs[0]), node.opset, kPerChannel));
}

Result<void> Importer::import_node(const onnx::NodeProto& proto, Scope& scope) {
  TRY(OnnxNode node, parse_node(proto, scope));
  note_scales(node);
  if (const auto f = functions_.find({node.domain, node.op}); f != functions_.end())
    return inline_function(proto, node, *f->second, scope);
  pending_captures_.clear();
  std::map<std::string, std::vector<std::pair<std::string, Value*>>> captures;
  for (const auto& attr : proto.attribute()) {
    TRY(within(label(proto), parse_attribute(attr, node, scope)));
    if (const auto it = pending_captures_.find(attr.name()); it != pending_captures_.end())
      captures[attr.name()] = std::move(it->second);
    pending_captures_.clear();
  }
  pending_captures_ = std::move(captures);
  if (node.domain.empty() && node.op == "Constant") return within(label(proto), import_constant(proto, node, scope));
  TRY(within(label(proto), finish_subgraphs(node, scope)));
  NodeSink sink(*scope.graph);
  auto emitted = upgrade(sink, node);
  if (emitted.ok()) emitted = emit(node, scope);
  // inference names the node by itself; what is found before it does not
  if (!emitted.ok() && !emitted.error().message.starts_with("node "))
    return within(label(proto), std::move(emitted));
  return emitted;
}

Result<void> Importer::import_constant(const onnx::NodeProto& proto, OnnxNode& node, Scope& scope) {
  if (node.attrs.size() != 1)
    return bad(formatted("Constant has {} values; exactly one of value, value_int, value_ints, value_float, value_floats, "
                         "sparse_value is needed", node.attrs.size()));
  if (node.outputs.size() != 1 || node.outputs[0].empty()) return bad("Constant needs one output");
  const auto& [key, value] = *node.attrs.begin();
  Tensor tensor;
  if (const auto* t = std::get_if<std::shared_ptr<const Tensor>>(&value); t && (key == "value" || key == "sparse_value")) {
    tensor = **t;
  } else if (const auto* i = std::get_if<int64_t>(&value); i && key == "value_int") {
    tensor = Tensor::scalar_int(*i);
  } else if (const auto* f = std::get_if<float>(&value); f && key == "value_float") {
    tensor = Tensor::scalar_float(*f);
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&value); ints && key == "value_ints") {
    tensor = Tensor::vector_of(*ints);
  } else if (const auto* floats = std::get_if<std::vector<float>>(&value); floats && key == "value_floats") {
    tensor = Tensor::of_floats({static_cast<int64_t>(floats->size())}, *floats);
  } else {
    return Error{Code::unsupported, formatted("a Constant with attribute {} of kind {} is not supported", quote(key), kind_name(value))};
  }
  (void)proto;
  return define(node.outputs[0], scope.graph->add_constant(scope.prefix + node.outputs[0], std::move(tensor)), scope);
}

Result<void> Importer::emit(OnnxNode& node, Scope& scope) {
  for (size_t i = 0; i < node.made.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    scope.graph->rename(node.made[i], scope.prefix + node.outputs[i]);
    TRY(define(node.outputs[i], node.made[i], scope));
  }
  if (node.op.empty()) return {};
  const bt_op* op = find_op(node.op);
  if (!op) return Error{Code::unsupported, formatted("operator {} is not supported", quote(node.op))};
  AttrList attrs;
  for (auto& [key, value] : node.attrs) {
    const int index = attr_index(*op, key);
    if (index < 0 || op->attrs[index].own)
      return bad(formatted("attribute {} is unknown to this operator", quote(key)));
    const bt_attr_spec& spec = op->attrs[index];
    if (value.index() != kind_index(spec))
      return bad(formatted("attribute {} is given as {}; {} needs another kind", quote(key), kind_name(value), op->name));
    attrs.emplace_back(key, std::move(value));
  }
  for (auto& own : node.own_attrs) attrs.push_back(std::move(own));
  std::vector<std::string> outputs;
  for (const std::string& out : node.outputs) outputs.push_back(out.empty() ? "" : scope.prefix + out);
  TRY(Node* made, scope.graph->append(node.op, node.name, node.inputs, std::move(attrs), outputs));
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (!node.outputs[i].empty()) TRY(define(node.outputs[i], made->outputs[i], scope));
  return {};
}

// ---- functions ----

Result<void> Importer::inline_function(const onnx::NodeProto& proto, OnnxNode& node,
                                       const onnx::FunctionProto& function, Scope& scope) {
  Scope inner;
  inner.shapes = scope.shapes;
  inner.graph = scope.graph;
  inner.prefix = formatted("{}{}/", scope.prefix, node.name.empty() ? formatted("{}_{}", function.name(), ++call_count_) : proto.name());
  for (const auto& o : function.opset_import()) inner.opsets[domain_of(o.domain())] = static_cast<int>(o.version());
  for (const auto& [domain, version] : scope.opsets) inner.opsets.emplace(domain, version);
  if (node.inputs.size() > static_cast<size_t>(function.input_size()))
    return bad(formatted("{}: has {} inputs, the function takes {}", label(proto), node.inputs.size(), function.input_size()));
  for (int i = 0; i < function.input_size(); ++i)
    if (Value* v = node.input(static_cast<size_t>(i))) inner.values[function.input(i)] = v;
    else inner.absent.insert(function.input(i));
  Arguments arguments;
  for (const auto& [name, value] : function_defaults_[{domain_of(function.domain()), function.name()}]) arguments[name] = &value;
  for (const auto& attr : proto.attribute()) {
    if (attr.ref_attr_name().empty()) {
      arguments[attr.name()] = &attr;
    } else if (scope.arguments) {
      const auto it = scope.arguments->find(attr.ref_attr_name());
      if (it != scope.arguments->end()) arguments[attr.name()] = it->second;
    }
  }
  inner.arguments = &arguments;
  TRY(import_nodes(function.node(), inner));
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty()) continue;
    if (static_cast<int>(i) >= function.output_size())
      return bad(formatted("{}: has {} outputs, the function makes {}", label(proto), node.outputs.size(), function.output_size()));
    Value* v = find(function.output(static_cast<int>(i)), inner);
    if (!v) return bad(formatted("{}: the function never makes its output {}", label(proto), quote(function.output(static_cast<int>(i)))));
    const std::string name = scope.prefix + node.outputs[i];
    if (v->producer && v->name.starts_with(inner.prefix)) {
      scope.graph->rename(v, name);
    } else {
      TRY(Node* same, scope.graph->append("Identity", node.name, {v}, {}, {name}));
      v = same->output();
    }
    TRY(define(node.outputs[i], v, scope));
  }
  return {};
}

}  // namespace bantam
