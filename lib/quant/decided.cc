// SPDX-License-Identifier: Apache-2.0
#include "quant/decided.h"

#include <algorithm>
#include <set>

namespace bantam {
namespace {

// The first output of `node` that a decision makes; all behind it are made by it as well. -1: none.
int first_decided(const Node& node) {
  static constexpr const char* kDeciding[] = {"NonMaxSuppression", "NonZero", "ArgMax", "ArgMin", "Unique"};
  if (node.is("TopK")) return 1;  // the values are in order whatever their places are
  return std::any_of(std::begin(kDeciding), std::end(kDeciding), [&](const char* op) { return node.is(op); }) ? 0 : -1;
}

bool is_computed_float(const Value* v) { return v && v->producer && v->dtype == BT_F32 && v->rank() != 0; }

class Cut {
 public:
  explicit Cut(const Graph& graph) : graph_(graph.clone()) {}

  std::optional<Graph> run() {
    for (Node* n : graph_.nodes()) visit(*n);
    std::vector<Value*> decided;
    for (Value* v : graph_.outputs())
      if (decided_.count(v) && std::find(decided.begin(), decided.end(), v) == decided.end()) decided.push_back(v);
    if (decided.empty() || made_of_.empty()) return std::nullopt;
    for (size_t i = 0; i < decided.size(); ++i) graph_.replace_uses(decided[i], made_of_[std::min(i, made_of_.size() - 1)]);
    for (size_t i = decided.size(); i < made_of_.size(); ++i) graph_.add_output(made_of_[i]);
    drop_dead();
    return std::move(graph_);
  }

 private:
  static bool reads_any(const Node& n, const std::set<const Value*>& of) {
    return std::any_of(n.inputs.begin(), n.inputs.end(), [&](const Value* v) { return v && of.count(v); });
  }

  void visit(Node& n) {
    if (n.op->quant != BT_QUANT_MACS && !reads_any(n, noisy_)) return;  // what masks and indices decide stays
    noisy_.insert(n.outputs.begin(), n.outputs.end());
    const int first = reads_any(n, decided_) ? 0 : first_decided(n);
    if (first < 0) return;
    for (size_t i = static_cast<size_t>(first); i < n.outputs.size(); ++i)
      if (n.outputs[i]) decided_.insert(n.outputs[i]);
    for (Value* v : n.inputs)
      if (is_computed_float(v) && !decided_.count(v) && std::find(made_of_.begin(), made_of_.end(), v) == made_of_.end()) made_of_.push_back(v);
  }

  void drop_dead() {
    const std::vector<Node*> nodes = graph_.nodes();
    for (auto it = nodes.rbegin(); it != nodes.rend(); ++it)
      if (std::none_of((*it)->outputs.begin(), (*it)->outputs.end(), [](const Value* v) { return v && (v->is_output() || !v->uses().empty()); }))
        graph_.erase(*it);
  }

  Graph graph_;
  std::set<const Value*> noisy_, decided_;  // behind a product; behind a decision on such values
  std::vector<Value*> made_of_;
};

}  // namespace

std::optional<Graph> before_decisions(const Graph& graph) { return Cut(graph).run(); }

}  // namespace bantam
