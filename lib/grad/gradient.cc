// SPDX-License-Identifier: Apache-2.0
#include "grad/gradient.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"
#include "grad/tape.h"

namespace bantam {
namespace {

const std::map<std::string, GradientRule>& rules() {
  static const auto all = [] {
    std::map<std::string, GradientRule> map;
    for (const auto* list : {&convolution_rules(), &elementwise_rules(), &matrix_rules(),
                             &move_rules(), &norm_rules(), &pool_rules()})
      for (const GradientRule& rule : *list) map[rule.op] = rule;
    return map;
  }();
  return all;
}

bool is_fixed(const Value* v) { return !v || (v->shape && is_known(*v->shape)); }

// Everything that depends on one of `wanted`, with these.
std::set<const Value*> reached_from(const Graph& graph, const std::vector<Value*>& wanted) {
  std::set<const Value*> reached(wanted.begin(), wanted.end());
  for (const Node* n : graph.nodes()) {
    const auto is_reached = [&](const Value* v) { return v && reached.count(v) > 0; };
    if (std::none_of(n->inputs.begin(), n->inputs.end(), is_reached)) continue;
    for (const Value* v : n->outputs)
      if (v && v->dtype == BT_F32) reached.insert(v);
  }
  return reached;
}

}  // namespace

bool has_gradient(const Node& node) {
  const auto rule = rules().find(node.op->name);
  return rule != rules().end() && std::all_of(node.inputs.begin(), node.inputs.end(), is_fixed) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), is_fixed) && rule->second.fits(node);
}

Result<std::vector<Value*>> add_gradients(Graph& graph, const std::vector<GradientSeed>& seeds,
                                          const std::vector<Value*>& wanted) {
  auto nodes = graph.nodes();
  Tape tape(graph, reached_from(graph, wanted));
  for (const GradientSeed& seed : seeds) tape.add(seed.value, seed.gradient);
  for (auto it = nodes.rbegin(); it != nodes.rend(); ++it) {
    const Node& n = **it;
    const auto counts = [&](const Value* v) { return v && tape.of(v); };
    const auto asks = [&](const Value* v) { return tape.wants(v); };
    if (std::none_of(n.outputs.begin(), n.outputs.end(), counts)) continue;
    if (std::none_of(n.inputs.begin(), n.inputs.end(), asks)) continue;
    if (!has_gradient(n))
      return Error{Code::unsupported,
                   formatted("no gradient of {} ({}) is known", quote(n.name), n.op->name)};
    rules().at(n.op->name).run(tape, n);
    if (tape.error()) return *tape.error();
  }
  std::vector<Value*> gradients;
  for (const Value* v : wanted) gradients.push_back(tape.of(v));
  return gradients;
}

}  // namespace bantam
