// SPDX-License-Identifier: Apache-2.0
#include "formats/aimet/raise.h"

#include <map>

#include "ir/infer.h"
#include "ir/match.h"

namespace bantam::aimet {
namespace {

class Raiser {
 public:
  explicit Raiser(Graph& graph) : graph_(graph) {}

  Result<std::vector<Encoding>> run() {
    for (Value* v : graph_.values())
      if (v->quant) v->is_constant() ? constant(v) : activation(v);
    for (Node* n : graph_.nodes())
      if (n->is("Quantize") || n->is("Dequantize")) TRY(drop(n));
    TRY(infer_graph(graph_));
    std::vector<Encoding> list;
    for (const Value* v : graph_.values())
      if (const auto it = quants_.find(v); it != quants_.end()) list.push_back({v->name, it->second, v->is_constant()});
    return list;
  }

 private:
  void constant(Value* v) {
    const auto quant = v->quant;
    if (bt_is_float(v->dtype)) {
      v->quant.reset();
      quants_[v] = quant;
      return;
    }
    const std::string name = v->name;
    Value* reals = graph_.add_constant(name, decode(*v->constant, *quant));
    graph_.replace_uses(v, reals);
    graph_.erase_constant(v);
    graph_.rename(reals, name);
    quants_[reals] = quant;
  }

  void activation(Value* v) {
    quants_[v] = v->quant;
    if (!bt_is_float(v->dtype)) v->dtype = BT_F32;
    v->quant.reset();
  }

  // The reals go through as they are; where the model's border stands in between, a copy does.
  Result<void> drop(Node* n) {
    Value *x = n->inputs[0], *y = n->output();
    if (const auto it = quants_.find(y); it != quants_.end()) quants_.emplace(x, it->second);
    quants_.erase(y);
    if (y->is_output() && (x->is_input() || x->is_constant() || x->is_output())) {
      TRY(Node* copy, graph_.insert_before(n, "Identity", n->name, {x}, {}, {y->name}));
      take_over(graph_, y, copy->output());
    } else if (y->is_output()) {
      take_over(graph_, y, x);
    } else {
      graph_.replace_uses(y, x);
    }
    graph_.erase(n);
    return {};
  }

  Graph& graph_;
  std::map<const Value*, std::shared_ptr<const Quant>> quants_;
};

}  // namespace

Result<std::vector<Encoding>> raise(Graph& graph) { return Raiser(graph).run(); }

}  // namespace bantam::aimet
