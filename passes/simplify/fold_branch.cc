// SPDX-License-Identifier: Apache-2.0
// Puts the branch that an If always takes in its place.
//
//   const %c = true                            =>   %y = Sigmoid(%x)
//   %y = If(%c, %x) {then_branch=graph {...}}
//
// For conditions that are constant, or known from shapes. Exporters leave such an If where a model
// was written for several ranks or modes. Computes the same bits.
#include <unordered_map>

#include "ir/infer.h"
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

// The branch that is taken; null where that is not known.
std::shared_ptr<Graph> taken(const Node& node) {
  const Value* condition = node.inputs[0];
  const Tensor* t = condition->constant ? condition->constant.get() : condition->known.get();
  if (!t || t->count() != 1) return nullptr;
  return node.attr_graph(t->integer(0) ? "then_branch" : "else_branch");
}

class Inliner {
 public:
  Inliner(Graph& graph, Node* node, const Graph& body) : graph_(graph), node_(node), body_(body) {}

  Result<void> run() {
    for (size_t i = 0; i < body_.inputs().size(); ++i)
      twin_[body_.inputs()[i]] = node_->inputs[i + 1];
    for (const Value* v : body_.values())
      if (v->is_constant()) twin_[v] = graph_.add_constant(v->name, *v->constant, v->quant);
    for (const Node* n : body_.nodes()) TRY(copy(*n));
    for (size_t i = 0; i < node_->outputs.size(); ++i) {
      Value* y = node_->outputs[i];
      if (!y) continue;
      // of its own, whatever else the branch does with the value
      TRY(Node * made, graph_.insert_before(node_, "Identity", y->name, {twin_[body_.outputs()[i]]},
                                            {}, {y->name + ".taken"}));
      take_over(graph_, y, made->output());
    }
    graph_.erase(node_);
    return {};
  }

 private:
  Result<void> copy(const Node& n) {
    std::vector<Value*> inputs;
    std::vector<std::string> names;
    for (const Value* v : n.inputs) inputs.push_back(v ? twin_[v] : nullptr);
    for (const Value* v : n.outputs) names.push_back(v ? v->name : "");
    TRY(Node * made,
        graph_.insert_before(node_, n.op->name, n.name, std::move(inputs), n.attrs(), names));
    for (size_t i = 0; i < n.outputs.size(); ++i)
      if (n.outputs[i]) twin_[n.outputs[i]] = made->outputs[i];
    return {};
  }

  Graph& graph_;
  Node* node_;
  const Graph& body_;
  std::unordered_map<const Value*, Value*> twin_;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    if (!node->is("If") || !ctx.selected(*node)) continue;
    const auto body = taken(*node);
    if (!body || body->inputs().size() + 1 != node->inputs.size()) continue;
    if (body->outputs().size() != node->outputs.size()) continue;
    TRY(Inliner(graph, node, *body).run());
    changed = true;
  }
  if (changed) TRY(infer_graph(graph));  // the other branch may have had other shapes
  return changed;
}

}  // namespace

extern constinit const Pass fold_branch = make_pass<NoOptions, describe_nothing, run>(
    "Puts the branch that an If always takes in its place.", Effect::exact);

}  // namespace bantam
