// SPDX-License-Identifier: Apache-2.0
// The graphs inside If, Loop and Scan. What they take from the graphs around them becomes an input:
// If(cond, captures...), Loop(M, cond, states..., captures...), Scan(states..., scans..., captures...).
#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/import.h"

namespace bantam {

Result<std::shared_ptr<Graph>> Importer::import_subgraph(const onnx::GraphProto& proto, Scope& outer,
                                                         std::vector<std::pair<std::string, Value*>>& captures) {
  auto graph = std::make_shared<Graph>(proto.name(), outer.graph->shared_symbols());
  Scope scope;
  scope.graph = graph.get();
  scope.outer = &outer;
  scope.opsets = outer.opsets;
  scope.arguments = outer.arguments;
  // attributes of inner nodes fill these again: the outer node's wait here
  auto waiting = std::move(pending_captures_);
  pending_captures_.clear();
  TRY(import_initializers(proto, scope, false));
  TRY(import_inputs(proto, scope, false));
  TRY(import_nodes(proto.node(), scope));
  TRY(import_outputs(proto, scope));
  pending_captures_ = std::move(waiting);
  captures = std::move(scope.captures);
  return graph;
}

namespace {

using Captures = std::vector<std::pair<std::string, Value*>>;

// Gives `graph` the inputs of `all` in that order, behind its first `formal` inputs.
void align_inputs(Graph& graph, size_t formal, const Captures& own, const Captures& all) {
  std::vector<Value*> order(graph.inputs().begin(), graph.inputs().begin() + static_cast<std::ptrdiff_t>(formal));
  for (const auto& [name, outside] : all) {
    Value* inside = nullptr;
    for (size_t i = 0; i < own.size(); ++i)
      if (own[i].second == outside) inside = graph.inputs()[formal + i];
    order.push_back(inside ? inside : graph.add_input(name, outside->dtype, outside->shape));
  }
  graph.set_input_order(order);
}

}  // namespace

Result<void> Importer::finish_subgraphs(OnnxNode& node, Scope& scope) {
  (void)scope;
  Captures all;
  for (const auto& [attribute, captures] : pending_captures_)
    for (const auto& capture : captures) {
      bool known = false;
      for (const auto& other : all) known = known || other.second == capture.second;
      if (!known) all.push_back(capture);
    }
  for (auto& [key, value] : node.attrs) {
    const auto* graph = std::get_if<std::shared_ptr<Graph>>(&value);
    if (!graph) continue;
    const Captures own = pending_captures_[key];
    align_inputs(**graph, (*graph)->inputs().size() - own.size(), own, all);
  }
  pending_captures_.clear();
  for (const auto& [name, outside] : all) node.inputs.push_back(outside);
  if (node.op == "Loop" || node.op == "Scan")
    if (!all.empty()) node.own_attrs.emplace_back("captures", static_cast<int64_t>(all.size()));
  return {};
}

}  // namespace bantam
