// SPDX-License-Identifier: Apache-2.0
// Recognizes Gelu where it is written out.
//
//   %e = Erf(%x / 1.4142135)                =>   %y = Gelu(%x)
//   %y = %x * (%e + 1) * 0.5
//
// In any order of the factors, and with the approximation by tanh:
//   0.5 x (1 + tanh(0.79788456 (x + 0.044715 x^3)))   =>   Gelu(x) {approximate="tanh"}
//
// Not done where an inner value has another reader. Results differ by rounding only (1e-6).
#include <algorithm>

#include "ir/expression.h"
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

constexpr double kRootHalf = 0.70710678118654752, kRoot2OverPi = 0.79788456080286536;

bool is_polynomial(const Value* v, const Value* x, const Polynomial& expected) {
  const auto p = polynomial_of(v, x);
  if (!p || p->size() != expected.size()) return false;
  for (size_t i = 0; i < expected.size(); ++i)
    if (!is_near((*p)[i], expected[i])) return false;
  return true;
}

// Which Gelu y is of x, where t is the factor that bends it: "none", "tanh", or nothing.
std::string kind_of(Value* t, const Value* x) {
  const Line bend = line_of(t);
  const Node* n = bend.x->producer;
  if (!n || !only_user(t) || !only_user(bend.x) || bend.scale != 1 || bend.shift != 1) return "";
  if (n->is("Erf") && is_polynomial(n->inputs[0], x, {0, kRootHalf})) return "none";
  const Polynomial cubic = {0, kRoot2OverPi, 0, kRoot2OverPi * 0.044715};
  if (n->is("Tanh") && is_polynomial(n->inputs[0], x, cubic)) return "tanh";
  return "";
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    if (!node->is("Mul") && !node->is("Div")) continue;
    Value* y = node->output();
    if (!ctx.selected(*node) || y->dtype != BT_F32 || y->quant) continue;
    const auto product = product_of(y);
    if (!product || product->values.size() != 2 || product->factor != 0.5) continue;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      Value *x = product->values[i], *t = product->values[1 - i];
      const std::string kind = kind_of(t, x);
      if (kind.empty() || x->rank() < 0 || x->rank() != y->rank()) continue;
      TRY(Node * gelu, graph.insert_before(node, "Gelu", node->name, {x}, {{"approximate", kind}},
                                           {y->name + ".gelu"}));
      take_over(graph, y, gelu->output());
      graph.erase(node);
      changed = true;
      break;
    }
  }
  return changed;
}

}  // namespace

extern constinit const Pass fuse_gelu = make_pass<NoOptions, describe_nothing, run>(
    "Recognizes Gelu where it is written out with Erf or Tanh.", Effect::exact);

}  // namespace bantam
