// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx/write_graph.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/write_form.h"
#include "formats/onnx/write_tensor.h"
#include "ir/match.h"
#include "ir/op.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

bool is_own(const bt_op& op, const std::string& key) {
  const int i = attr_index(op, key);
  return i >= 0 && op.attrs[i].own;
}

// Outputs that the operator always has, wanted or not: they need names.
bool keeps_all_outputs(const Node& node) {
  for (const char* op : {"Split", "TopK", "If", "Loop", "Scan"})
    if (node.is(op)) return true;
  return false;
}

// Tried on the emulator of onnxruntime-qnn 2.7.
bool is_missing_in_qnn(const std::string& op) {
  static constexpr std::string_view kMissing[] = {"Acos", "Acosh", "Asinh", "Atanh", "Celu", "Cosh", "Erf", "Selu", "Shrink", "Sinh", "Softsign", "ThresholdedRelu"};
  return std::find(std::begin(kMissing), std::end(kMissing), op) != std::end(kMissing);
}

// What graphs inside a node take from outside: its last inputs.
size_t captures_of(const Node& node) {
  if (node.is("If")) return node.inputs.size() - 1;
  return node.has_attr("captures") ? static_cast<size_t>(node.attr_int("captures")) : 0;
}

}  // namespace

// ---- calls and attempts ----

const AttrValue* OnnxCall::attr(const std::string& key) const {
  for (const auto& a : attrs)
    if (a.first == key) return &a.second;
  return nullptr;
}

void OnnxCall::set(const std::string& key, AttrValue value) {
  drop(key);
  attrs.emplace_back(key, std::move(value));
}

void OnnxCall::drop(const std::string& key) {
  std::erase_if(attrs, [&](const auto& a) { return a.first == key; });
}

void OnnxAttempt::need(const Node& node, int since, const std::string& what) {
  needed = std::max(needed, since);
  if (fixed && since > opset) refused.push_back(formatted("{} needs opset {} (node {})", what, since, quote(node.name)));
}

void OnnxAttempt::refuse(const Node& node, const std::string& why) { refused.push_back(formatted("{} (node {})", why, quote(node.name))); }

std::string OnnxAttempt::fresh_name(const std::string& base) {
  std::string name = base;
  for (int i = 1; !used_names.insert(name).second; ++i) name = formatted("{}_{}", base, i);
  return name;
}

// ---- names ----

OnnxGraphWriter::OnnxGraphWriter(const Graph& graph, OnnxAttempt& attempt, onnx::GraphProto& proto)
    : graph_(graph), attempt_(attempt), proto_(proto) {}

// Inputs and outputs first: their names stay, whatever helpers are called.
void OnnxGraphWriter::reserve_names() {
  const auto reserve = [&](const Value* v, const std::string& base) {
    if (v && !names_.count(v)) names_[v] = attempt_.fresh_name(base);
  };
  for (const Value* v : graph_.inputs()) reserve(v, v->name);
  for (const Value* v : graph_.outputs()) reserve(v, v->name);
  for (const Node* node : graph_.nodes())
    for (const auto* list : {&node->inputs, &node->outputs})
      for (const Value* v : *list)
        if (v) reserve(v, attempt_.names ? v->name : "v");
}

// ---- constants ----

std::string OnnxGraphWriter::constant(const std::string& base, const Tensor& tensor) {
  const std::string name = attempt_.fresh_name(base);
  tensor_to_proto(tensor, name, *proto_.add_initializer());
  return name;
}

std::string OnnxGraphWriter::scalar(const std::string& base, DType dtype, double value) {
  std::vector<uint8_t> bytes(bt_dtype_size(dtype));
  bt_tensor view{};
  view.dtype = dtype;
  view.data = bytes.data();
  bt_put(&view, 0, value);
  return constant(base, Tensor(dtype, {}, Bytes(std::move(bytes))));
}

void OnnxGraphWriter::write_constant(const Value* v) {
  if (!written_.emplace(v, name_of(v)).second) return;
  tensor_to_proto(stored(*v->constant, stored_type(v)), name_of(v), *proto_.add_initializer());
  attempt_.constants.emplace_back(v->name, proto_.initializer(proto_.initializer_size() - 1).raw_data().size());
}

// ---- nodes ----

// The name under which an operator reads a value: reals, where it is stored in integers.
std::string OnnxGraphWriter::operand(const Value* v) {
  if (!v) return "";
  if (v->is_constant() && v->quant && v->dtype == BT_F32) return stored_weight(v);
  if (is_stored_quantized(v)) return stored_type(v) == BT_I64 ? "" : real_of(v);  // "": put_wide_bias_behind writes it
  if (v->is_constant()) write_constant(v);
  return name_of(v);
}

std::string OnnxGraphWriter::emit(const std::string& op, std::vector<std::string> inputs, AttrList attrs, const std::string& base) {
  const std::string name = attempt_.fresh_name(base);
  write({op, attempt_.names ? name : "", std::move(inputs), {name}, std::move(attrs), {}, "", ""});
  return name;
}

void OnnxGraphWriter::write(const OnnxCall& call) {
  auto& proto = *proto_.add_node();
  proto.set_op_type(call.op);
  if (std::string unique = call.name; !unique.empty()) {
    for (int i = 1; !attempt_.node_names.insert(unique).second; ++i) unique = formatted("{}_{}", call.name, i);
    proto.set_name(unique);
  }
  size_t inputs = call.inputs.size(), outputs = call.outputs.size();
  while (inputs > 0 && call.inputs[inputs - 1].empty()) --inputs;
  while (outputs > 0 && call.outputs[outputs - 1].empty()) --outputs;
  for (size_t i = 0; i < inputs; ++i) proto.add_input(call.inputs[i]);
  for (size_t i = 0; i < outputs; ++i) proto.add_output(call.outputs[i]);
  for (const auto& [key, value] : call.attrs) attribute_to_proto(key, value, *proto.add_attribute());
  for (const auto& [key, graph] : call.graphs) {
    auto& attribute = *proto.add_attribute();
    attribute.set_name(key);
    attribute.set_type(onnx::AttributeProto::GRAPH);
    *attribute.mutable_g() = graph;
  }
}

void OnnxGraphWriter::write_operator(const OnnxCall& call) {
  if (call.subtracted.empty()) return write(call);
  OnnxCall operation = call;
  operation.outputs[0] = attempt_.fresh_name(call.outputs[0] + ".sums");
  write(operation);
  write({"Sub", "", {operation.outputs[0], call.subtracted}, {call.outputs[0]}, {}, {}, "", ""});
}

void OnnxGraphWriter::write_node(const Node& node) {
  need_wide(node);
  if (node.is("Quantize")) return write_quantize(operand(node.inputs[0]), node.output(), name_of(node.output()));
  if (node.is("Dequantize")) {  // the first reader of the integers may have written it
    if (const std::string real = real_of(node.inputs[0]); real != name_of(node.output()))
      write({"Identity", "", {real}, {name_of(node.output())}, {}, {}, "", ""});
    return;
  }
  if (node.op->layout == BT_LAYOUT_SPATIAL && node.attr_word("layout") == "last")
    return attempt_.refuse(node, formatted("{} with channels last", node.op->name));
  OnnxCall call{node.op->name, attempt_.names ? node.name : "", {}, {}, {}, {}, "", ""};
  const size_t captured = captures_of(node);
  const bool moved = is_moved_as_stored(node);
  for (size_t i = 0; i + captured < node.inputs.size(); ++i)  // what a moved Pad puts around is stored by write_moved
    call.inputs.push_back(moved && i == 2 ? "" : operand(node.inputs[i]));
  put_wide_bias_behind(node, call);
  for (const Value* v : node.outputs)
    call.outputs.push_back(v ? name_of(v) : keeps_all_outputs(node) ? attempt_.fresh_name("unused") : "");
  for (auto& [key, value] : node.attrs()) {
    if (is_own(*node.op, key)) continue;
    if (const auto* body = std::get_if<std::shared_ptr<Graph>>(&value)) call.graphs.emplace_back(key, body_of(node, **body, key));
    else call.attrs.emplace_back(key, value);
  }
  to_onnx_form(*this, node, call);
  need_opset(attempt_, node, call);
  if (attempt_.pairs && is_missing_in_qnn(call.op)) attempt_.refuse(node, formatted("QNN has no {}", call.op));
  if (moved) write_moved(node, call);
  else if (is_stored_quantized(node.output())) finish_quantized(node, call);
  else finish_float(node, call);
}

onnx::GraphProto OnnxGraphWriter::body_of(const Node& node, const Graph& body, const std::string& key) {
  const size_t captured = captures_of(node), own = body.inputs().size() - captured;
  Names outside;
  for (size_t i = 0; i < captured; ++i) outside[body.inputs()[own + i]] = operand(node.inputs[node.inputs.size() - captured + i]);
  onnx::GraphProto proto;
  proto.set_name(body.name.empty() ? key : body.name);
  OnnxGraphWriter(body, attempt_, proto).run_inside(outside);
  return proto;
}

// ---- the graph ----

// A graph inside a node gives back only what its own nodes make; no graph gives the same value twice.
void OnnxGraphWriter::write_outputs(bool inside) {
  std::set<const Value*> given;
  for (const Value* v : graph_.outputs()) {
    const bool again = !given.insert(v).second, decoded = v->is_constant() && v->quant && v->dtype == BT_F32;
    if (v->is_constant() && !decoded) write_constant(v);
    std::string name = name_of(v);
    if (again || decoded || (inside && !v->producer)) {
      const std::string from = decoded ? stored_weight(v) : name;
      if (again || !decoded) name = attempt_.fresh_name(name + ".output");
      write({"Identity", "", {from}, {name}, {}, {}, "", ""});
    }
    value_to_proto(name, stored_type(v), v->shape, graph_.symbols(), *proto_.add_output());
  }
}

void OnnxGraphWriter::write_all(const Names& outside, bool inside) {
  names_ = outside;
  reserve_names();
  for (const Value* v : graph_.inputs())
    if (!outside.count(v)) value_to_proto(name_of(v), stored_type(v), v->shape, graph_.symbols(), *proto_.add_input());
  for (const Node* node : graph_.nodes()) write_node(*node);
  write_outputs(inside);
}

void OnnxGraphWriter::run() { write_all({}, false); }
void OnnxGraphWriter::run_inside(const Names& outside) { write_all(outside, true); }

}  // namespace bantam
