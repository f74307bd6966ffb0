// SPDX-License-Identifier: Apache-2.0
// Moves DequantizeLinear in front of what only moves numbers of a constant, so that the constant is one of
// floats that are kept as integers (fold-dequantize): tables of words that were quantized, for instance.
//
//   %g = Gather(%q, %ids)                =>   %r = DequantizeLinear(%q, %s, %z)
//   %y = DequantizeLinear(%g, %s, %z)         %y = Gather(%r, %ids)
//
// For one scale alone: with more it would matter which number went where.
#include <algorithm>
#include <array>

#include "ir/infer.h"
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

bool only_moves(const Node& n) {
  constexpr std::array<std::string_view, 8> kMovers = {"Gather", "GatherND", "Reshape", "Transpose",
                                                       "Squeeze", "Unsqueeze", "Slice", "Flatten"};
  return std::any_of(kMovers.begin(), kMovers.end(), [&](std::string_view op) { return n.is(op); });
}

// What reads an integer constant: moves, the upper ones first, and at their ends DequantizeLinear.
struct Tree {
  std::vector<Node*> moves, ends;
};

bool has_one_scale(const Node& n) {
  return n.input(1) && number_of(n.input(1)) && (!n.input(2) || number_of(n.input(2)));
}

bool scale_alike(const Node& a, const Node& b) {
  return a.output()->dtype == b.output()->dtype && number_of(a.input(1)) == number_of(b.input(1)) &&
         number_of(a.input(2)).value_or(0) == number_of(b.input(2)).value_or(0);
}

// Empty where the integers are read by something else, or are not all of one scale.
Tree tree_below(Value* constant, const PassContext& ctx) {
  Tree tree;
  std::vector<Value*> open = {constant};
  while (!open.empty()) {
    const Value* v = open.back();
    open.pop_back();
    if (v->is_output()) return {};
    for (const Use& u : v->uses()) {
      if (u.index != 0 || !u.node->output() || !ctx.selected(*u.node)) return {};
      if (only_moves(*u.node)) {
        tree.moves.push_back(u.node);
        open.push_back(u.node->output());
      } else if (u.node->is("DequantizeLinear") && has_one_scale(*u.node) &&
                 (tree.ends.empty() || scale_alike(*u.node, *tree.ends.front()))) {
        tree.ends.push_back(u.node);
      } else {
        return {};
      }
    }
  }
  return tree;
}

Result<void> hoist(Graph& graph, Value* constant, const Tree& tree) {
  const Node* end = tree.ends.front();
  AttrList attrs = end->attrs();
  std::erase_if(attrs, [](const auto& a) { return a.first == "axis"; });
  std::vector<Value*> inputs = end->inputs;
  inputs[0] = constant;
  const std::vector<Use> readers = constant->uses();
  TRY(Node* real, graph.insert_before(graph.first(), "DequantizeLinear", end->name, inputs, attrs, {constant->name + ".real"}));
  for (const Use& u : readers) graph.set_input(u.node, u.index, real->output());
  for (Node* move : tree.moves) TRY(infer_node(graph, *move));
  for (Node* n : tree.ends) {
    Value* moved = n->inputs[0];
    if (n->output()->is_output()) {  // keeps its name, however many others are the same numbers
      TRY(Node* same, graph.insert_before(n, "Identity", n->name, {moved}, {}, {n->output()->name + ".same"}));
      moved = same->output();
      graph.take_over_output(n->output(), moved);
    }
    graph.replace_uses(n->output(), moved);
    graph.erase(n);
  }
  return {};
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Value* v : graph.values()) {
    if (!v->is_constant() || v->quant || v->uses().empty()) continue;
    const Tree tree = tree_below(v, ctx);
    if (tree.moves.empty() || tree.ends.empty()) continue;
    TRY(hoist(graph, v, tree));
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass hoist_dequantize = make_pass<NoOptions, describe_nothing, run>(
    "Moves DequantizeLinear in front of nodes that only move numbers of a constant.", Effect::exact);

}  // namespace bantam
