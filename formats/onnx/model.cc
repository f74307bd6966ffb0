// SPDX-License-Identifier: Apache-2.0
// The frame of the import: header, inputs, initializers, outputs, and what is not supported, listed
// all at once.
#include "base/checked.h"
#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/import.h"
#include "ir/infer.h"
#include "ir/op.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

Error bad(const std::string& message) { return {Code::bad_input, message}; }
Error unsupported(const std::string& message) { return {Code::unsupported, message}; }

Result<std::map<std::string, int>> opsets_of(const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& list) {
  std::map<std::string, int> opsets;
  for (const auto& o : list) {
    const std::string domain = domain_of(o.domain());
    const auto known = opsets.find(domain);
    if (known != opsets.end() && known->second == o.version()) continue;  // merged models say it once per part
    if (known != opsets.end())
      return bad(formatted("the opset of domain {} is imported twice, as {} and {}", quote(domain),
                           known->second, o.version()));
    if (o.version() < 1)
      return bad(formatted("opset {} of domain {} does not exist", o.version(), quote(domain)));
    if (domain.empty() && o.version() > kNewestOpset)
      return unsupported(formatted("opset {} is newer than the newest known, {}; export the model with an older one",
                                   o.version(), kNewestOpset));
    opsets[domain] = static_cast<int>(std::min<int64_t>(o.version(), 1'000'000));
  }
  return opsets;
}

// Parses field 11 (attribute_proto, default values) of a function: newer than the installed proto.
std::map<std::string, onnx::AttributeProto> function_defaults(const onnx::FunctionProto& f) {
  std::map<std::string, onnx::AttributeProto> defaults;
  const std::string& unknown = f.unknown_fields();
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const uint8_t*>(unknown.data()),
                                            static_cast<int>(unknown.size()));
  while (const uint32_t tag = in.ReadTag()) {
    std::string payload;
    uint64_t ignored = 0;
    switch (tag & 7) {
      case 0: if (!in.ReadVarint64(&ignored)) return defaults; break;
      case 1: if (!in.Skip(8)) return defaults; break;
      case 5: if (!in.Skip(4)) return defaults; break;
      case 2: {
        uint32_t size = 0;
        if (!in.ReadVarint32(&size) || !in.ReadString(&payload, static_cast<int>(size))) return defaults;
        onnx::AttributeProto attr;
        if (tag >> 3 == 11 && attr.ParseFromString(payload)) defaults[attr.name()] = attr;
        break;
      }
      default: return defaults;
    }
  }
  return defaults;
}

// Calls `visit` for every node of a list and of the graphs inside its attributes.
template <typename Visit>
void for_each_node(const NodeList& nodes, const Visit& visit) {
  for (const auto& node : nodes) {
    visit(node);
    for (const auto& attr : node.attribute()) {
      if (attr.has_g()) for_each_node(attr.g().node(), visit);
      for (const auto& g : attr.graphs()) for_each_node(g.node(), visit);
    }
  }
}

}  // namespace

Importer::Importer(const onnx::ModelProto& model, const std::unordered_map<int, Bytes>& raw_data,
                   std::string folder, const ReadOptions& options)
    : model_(model), raw_data_(raw_data), files_(std::move(folder)), options_(options) {}

Result<void> Importer::check_header() {
  if (model_.ir_version() < 1) return bad("the model states no IR version");
  if (model_.ir_version() > 100)
    return bad(formatted("IR version {} does not exist", model_.ir_version()));
  if (model_.ir_version() > kNewestIr)
    result_.notes.push_back(formatted("IR version {} is newer than the newest known, {}; unknown fields are ignored",
                                      model_.ir_version(), kNewestIr));
  if (!model_.has_graph()) return bad("the model has no graph");
  if (model_.graph().output_size() == 0) return bad("the graph has no output");
  if (model_.training_info_size() > 0)
    result_.notes.push_back("training information is ignored");
  return {};
}

// Functions must not call themselves, and what they expand to must stay within the limit.
Result<void> Importer::check_functions() {
  for (const auto& f : model_.functions()) {
    const FunctionKey key{domain_of(f.domain()), f.name()};
    if (!functions_.emplace(key, &f).second)
      return bad(formatted("function {} is defined twice", quote(f.name())));
    function_defaults_[key] = function_defaults(f);
  }
  std::map<FunctionKey, std::pair<int64_t, int>> sizes;  // nodes after expansion, depth
  std::set<FunctionKey> open;
  const auto measure = [&](const auto& self, const NodeList& nodes) -> Result<std::pair<int64_t, int>> {
    int64_t total = 0;
    int depth = 0;
    std::optional<Error> failed;
    for_each_node(nodes, [&](const onnx::NodeProto& node) {
      if (failed) return;
      const FunctionKey key{domain_of(node.domain()), node.op_type()};
      const auto it = functions_.find(key);
      std::pair<int64_t, int> size{1, 0};
      if (it != functions_.end()) {
        const auto known = sizes.find(key);
        if (known != sizes.end()) {
          size = known->second;
        } else if (!open.insert(key).second || open.size() > 200) {
          failed = bad(formatted("function {} is recursive, or functions call each other too deeply", quote(node.op_type())));
          return;
        } else {
          auto inner = self(self, it->second->node());
          if (!inner.ok()) {
            failed = inner.error();
            return;
          }
          open.erase(key);
          size = {inner->first, inner->second + 1};
          sizes[key] = size;
        }
      }
      total = std::min<int64_t>(total + size.first, int64_t{1} << 40);
      depth = std::max(depth, size.second);
    });
    if (failed) return *failed;
    return std::pair(total, depth);
  };
  TRY(const auto whole, measure(measure, model_.graph().node()));
  if (whole.first > options_.limits.nodes)
    return bad(formatted("the model has {} nodes after the expansion of its functions; --max-nodes allows {}",
                         whole.first >= int64_t{1} << 40 ? "more than 10^12" : std::to_string(whole.first), options_.limits.nodes));
  return {};
}

Result<void> Importer::check_supported() {
  std::map<std::string, std::vector<std::string>> missing;  // operator -> names of its nodes
  const auto check = [&](const onnx::NodeProto& node) {
    const std::string domain = domain_of(node.domain());
    if (functions_.count({domain, node.op_type()}) || is_upgraded(domain, node.op_type())) return;
    const bt_op* op = domain.empty() ? find_op(node.op_type()) : nullptr;
    if (domain.empty() && node.op_type() == "Constant") return;
    if (op && !(op->flags & BT_OP_OWN)) return;
    const std::string name = op_text(node.op_type()) + (domain.empty() ? "" : " of domain " + quote(domain));
    missing[name].push_back(!node.name().empty() ? node.name() : node.output_size() ? node.output(0) : "?");
  };
  for_each_node(model_.graph().node(), check);
  for (const auto& f : model_.functions()) for_each_node(f.node(), check);
  if (missing.empty()) return {};
  std::vector<std::string> lines;
  for (const auto& [op, nodes] : missing) {
    std::vector<std::string> names;
    for (size_t i = 0; i < nodes.size() && i < 3; ++i) names.push_back(quote(nodes[i]));
    if (nodes.size() > 3) names.push_back(formatted("{} more", nodes.size() - 3));
    lines.push_back(formatted("{} ({})", op, join(names, ", ")));
    if (lines.size() == 30) break;
  }
  return unsupported(formatted("{} operator{} not supported: {}. Replace them in the source model, or export it with "
                               "other operators", missing.size(), missing.size() == 1 ? " is" : "s are", join(lines, "; ")));
}

Result<std::optional<Shape>> Importer::shape_from_proto(const onnx::TypeProto_Tensor& type,
                                                        const std::string& name, Symbols& symbols) {
  if (!type.has_shape()) return std::optional<Shape>();
  Shape shape;
  if (type.shape().dim_size() > BT_MAX_RANK)
    return unsupported(formatted("{} has rank {}; ranks up to {} are supported", quote(name), type.shape().dim_size(), BT_MAX_RANK));
  for (const auto& d : type.shape().dim()) {
    if (d.has_dim_value() && d.dim_value() >= 0) shape.push_back(d.dim_value());
    else if (d.has_dim_param() && !d.dim_param().empty()) shape.push_back(symbols.dim(d.dim_param()));
    else shape.push_back(-1);
  }
  bt_tensor t{};
  bt_set_shape(&t, BT_F64, static_cast<int>(shape.size()), shape.data());
  int64_t known = 1;
  for (const int64_t d : shape)
    if (d > 0) known = bt_dim_mul(known, d);
  if (known > INT64_MAX / 32)
    return bad(formatted("{} has shape {}, more elements than can be counted (overflow)", quote(name), shape_text(shape)));
  return std::optional(std::move(shape));
}

// What a node hands to input i of the graph inside it.
static DType formal_type(const OnnxNode& caller, size_t i) {
  if (caller.op == "Loop" && i < 2) return i == 0 ? BT_I64 : BT_BOOL;
  const bool lengths_first = caller.op == "Scan" && caller.opset < 9;
  const Value* v = caller.input(lengths_first ? i + 1 : i);
  return v ? v->dtype : BT_F32;
}

Result<void> Importer::import_inputs(const onnx::GraphProto& proto, Scope& scope, const OnnxNode* caller) {
  const bool is_main = !caller;
  std::set<std::string> seen;
  for (const auto& input : proto.input()) {
    const std::string& name = input.name();
    if (name.empty()) return bad("a graph input has no name");
    if (!seen.insert(name).second) return bad(formatted("graph input {} is listed twice", quote(name)));
    if (scope.values.count(name)) continue;  // has an initializer: a constant (old exporters list both)
    if (!input.has_type() && caller) {       // a body's input: the caller's type holds
      scope.values[name] = scope.graph->add_input(name, formal_type(*caller, seen.size() - 1), std::nullopt);
      continue;
    }
    if (!input.has_type() || input.type().value_case() == onnx::TypeProto::VALUE_NOT_SET)
      return bad(formatted("graph input {} has no type", quote(name)));
    if (!input.type().has_tensor_type())
      return unsupported(formatted("graph input {} is not a tensor (a sequence, a map or an optional); only tensors are supported", quote(name)));
    const auto& type = input.type().tensor_type();
    TRY(const DType dtype, dtype_from_proto(type.elem_type(), "graph input " + quote(name)));
    TRY(auto shape, shape_from_proto(type, name, scope.graph->symbols()));
    if (const auto it = options_.shapes.find(name); is_main && it != options_.shapes.end()) {
      const Shape& wanted = it->second;
      bool fits = !shape || shape->size() == wanted.size();
      for (size_t i = 0; fits && shape && i < wanted.size(); ++i) fits = !bt_clash((*shape)[i], wanted[i]);
      if (!fits)
        return Error{Code::usage, formatted("--shape {}={} does not fit the model's input, which is {}", name, shape_text(wanted), shape_text(*shape))};
      shape = wanted;
    }
    scope.values[name] = scope.graph->add_input(name, dtype, shape);
  }
  if (!is_main) return {};
  for (const auto& [name, shape] : options_.shapes)
    if (!seen.count(name)) {
      const std::vector<std::string> names(seen.begin(), seen.end());
      return Error{Code::usage, formatted("--shape names {}, which is no input of the model{}", quote(name), suggestion(name, names))};
    }
  return {};
}

Result<void> Importer::import_initializers(const onnx::GraphProto& proto, Scope& scope, bool is_main) {
  const auto add = [&](const std::string& name, Tensor tensor) -> Result<void> {
    if (name.empty()) return bad("an initializer has no name");
    if (scope.values.count(name)) return bad(formatted("initializer {} is defined twice", quote(name)));
    scope.values[name] = scope.graph->add_constant(name, std::move(tensor));
    return {};
  };
  for (int i = 0; i < proto.initializer_size(); ++i) {
    const auto raw = is_main ? raw_data_.find(i) : raw_data_.end();
    if (raw == raw_data_.end()) {
      TRY(Tensor tensor, tensor_of(proto.initializer(i)));
      TRY(add(proto.initializer(i).name(), std::move(tensor)));
    } else {
      TRY(Tensor tensor, tensor_from_proto(proto.initializer(i), &raw->second, files_, options_.limits));
      TRY(add(proto.initializer(i).name(), std::move(tensor)));
    }
  }
  for (const auto& sparse : proto.sparse_initializer()) {
    TRY(Tensor tensor, tensor_of(sparse));
    TRY(add(sparse.values().name(), std::move(tensor)));
  }
  return {};
}

Result<void> Importer::import_outputs(const onnx::GraphProto& proto, Scope& scope) {
  Graph& graph = *scope.graph;
  for (const auto& output : proto.output()) {
    const std::string& name = output.name();
    Value* v = find(name, scope);
    if (!v) return bad(formatted("graph output {} is made by no node", quote(name)));
    if (output.has_type() && output.type().value_case() != onnx::TypeProto::VALUE_NOT_SET) {
      if (!output.type().has_tensor_type())
        return unsupported(formatted("graph output {} is not a tensor; only tensors are supported", quote(name)));
      const int declared = output.type().tensor_type().elem_type();
      if (declared != 0 && declared != v->dtype)
        return bad(formatted("graph output {} is declared as {}, but it is {}", quote(name),
                             bt_dtype_name(static_cast<DType>(declared)), bt_dtype_name(v->dtype)));
    }
    if (v->name != name) {  // a name that a helper value took first
      if (Value* other = graph.find(name)) graph.rename(other, name + ".inner");
      graph.rename(v, name);
    }
    graph.add_output(v);
  }
  return {};
}

Result<Model> Importer::run() {
  TRY(check_header());
  Scope scope;
  TRY(scope.opsets, opsets_of(model_.opset_import()));
  TRY(check_functions());
  TRY(check_supported());
  const onnx::GraphProto& proto = model_.graph();
  result_.graph = Graph(proto.name());
  scope.graph = &result_.graph;
  TRY(import_initializers(proto, scope, true));
  TRY(import_inputs(proto, scope, nullptr));
  TRY(import_nodes(proto.node(), scope));
  TRY(import_outputs(proto, scope));
  result_.format = "onnx";
  return std::move(result_);
}

}  // namespace bantam
