// SPDX-License-Identifier: Apache-2.0
// The graphs inside If, Loop and Scan. What they take from the graphs around them becomes an input:
// If(cond, captures...), Loop(M, cond, states..., captures...), Scan(states..., scans..., captures...).
#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/import.h"

namespace bantam {

Result<std::shared_ptr<Graph>> Importer::import_subgraph(const onnx::GraphProto& proto, Scope& outer,
                                                         const OnnxNode& node, Captures& captures) {
  // attributes of inner nodes fill these again: the outer node's wait here
  auto waiting = std::move(pending_captures_);
  pending_captures_.clear();
  auto graph = import_body(proto, outer, node, outer.shapes, captures);
  // A branch of an If that is not taken need not fit the shapes of this model. (Inside a graph without
  // outer shapes nothing is tried twice: the depth of a file must not double the work.)
  if (!graph.ok() && graph.error().code == Code::bad_input && node.op == "If" && outer.shapes) {
    pending_captures_.clear();
    auto shapeless = import_body(proto, outer, node, false, captures);
    if (shapeless.ok()) graph = std::move(shapeless);
  }
  pending_captures_ = std::move(waiting);
  return graph;
}

Result<std::shared_ptr<Graph>> Importer::import_body(const onnx::GraphProto& proto, Scope& outer,
                                                     const OnnxNode& node, bool shapes, Captures& captures) {
  auto graph = std::make_shared<Graph>(proto.name(), outer.graph->shared_symbols());
  Scope scope;
  scope.graph = graph.get();
  scope.outer = &outer;
  scope.opsets = outer.opsets;
  scope.arguments = outer.arguments;
  scope.shapes = shapes;
  TRY(import_initializers(proto, scope, false));
  TRY(import_inputs(proto, scope, &node));
  TRY(import_nodes(proto.node(), scope));
  TRY(import_outputs(proto, scope));
  captures = std::move(scope.captures);
  return graph;
}

namespace {

// Gives `graph` the inputs of `all` in that order, behind its first `formal` inputs.
void align_inputs(Graph& graph, size_t formal, const Captures& own, const Captures& all) {
  std::vector<Value*> order(graph.inputs().begin(), graph.inputs().begin() + static_cast<std::ptrdiff_t>(formal));
  std::unordered_map<Value*, Value*> inside;
  for (size_t i = 0; i < own.size(); ++i) inside[own[i].second] = graph.inputs()[formal + i];
  for (const auto& [name, outside] : all) {
    Value*& input = inside[outside];
    if (!input) input = graph.add_input(name, outside->dtype, outside->shape);
    order.push_back(input);
  }
  graph.set_input_order(order);
}

// Outputs at the end may be left out of a node, never of its graph: operators count on both being equal.
void align_outputs(OnnxNode& node, const Graph& graph) {
  const size_t own = node.op == "Loop" ? 1 : 0;  // the condition stays inside
  if (graph.outputs().size() > node.outputs.size() + own) node.outputs.resize(graph.outputs().size() - own);
}

// Inference tolerates one branch that makes no sense for the shapes, so the counts are compared here.
Result<void> check_branches(const OnnxNode& node) {
  std::optional<size_t> outputs;
  for (const auto& [key, value] : node.attrs) {
    const auto* graph = std::get_if<std::shared_ptr<Graph>>(&value);
    if (node.op != "If" || !graph) continue;
    const size_t own = (*graph)->outputs().size();
    if (own != outputs.value_or(own))
      return Error{Code::bad_input, formatted("the branches of If have {} and {} outputs", *outputs, own)};
    outputs = own;
  }
  return {};
}

}  // namespace

Result<void> Importer::finish_subgraphs(OnnxNode& node, Scope& scope) {
  (void)scope;
  TRY(check_branches(node));
  Captures all;
  std::set<Value*> known;
  for (const auto& [attribute, captures] : pending_captures_)
    for (const auto& capture : captures)
      if (known.insert(capture.second).second) all.push_back(capture);
  for (auto& [key, value] : node.attrs) {
    const auto* graph = std::get_if<std::shared_ptr<Graph>>(&value);
    if (!graph) continue;
    const Captures own = pending_captures_[key];
    const size_t formal = (*graph)->inputs().size() - own.size();
    if (node.op == "If" && formal > 0)
      return Error{Code::bad_input, formatted("{} of If has {} inputs; a branch has none", printable(key), formal)};
    align_inputs(**graph, formal, own, all);
    align_outputs(node, **graph);
  }
  pending_captures_.clear();
  for (const auto& [name, outside] : all) node.inputs.push_back(outside);
  if (node.op == "Loop" || node.op == "Scan")
    if (!all.empty()) node.own_attrs.emplace_back("captures", static_cast<int64_t>(all.size()));
  return {};
}

}  // namespace bantam
