// SPDX-License-Identifier: Apache-2.0
#include "runnable_cases.h"

#include "catch.h"
#include "eval/session.h"
#include "ir/text.h"
#include "named_tensors.h"

namespace bantam {

std::optional<RunnableCase> runnable(const GoldenCase& c) {
  if (c.find("error")) return std::nullopt;
  auto graph = parse_graph(c.find("graph")->text);
  if (!graph.ok()) return std::nullopt;
  NamedTensors values;
  if (const GoldenBlock* block = c.find("values")) {
    auto parsed = parse_tensors(block->text, &*graph);
    if (!parsed.ok()) FAIL(parsed.error().message);
    values = std::move(*parsed);
  }
  RunnableCase out;
  for (const Value* in : graph->inputs())
    for (const auto& [name, tensor] : values)
      if (name == in->name) out.inputs.push_back(tensor);
  for (const Node* n : graph->nodes())
    if (n->op->flags & BT_OP_RANDOM) return std::nullopt;
  if (out.inputs.size() < graph->inputs().size()) return std::nullopt;
  auto session = Session::of_graph(*graph, {.max_turns = 1000});
  if (!session.ok()) return std::nullopt;
  auto outputs = session->run(out.inputs);
  if (!outputs.ok()) return std::nullopt;
  out.outputs = std::move(*outputs);
  out.graph = std::move(*graph);
  return out;
}

}  // namespace bantam
