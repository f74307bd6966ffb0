// SPDX-License-Identifier: Apache-2.0
// Lets a product or a sum clamp its result itself.
//
//   %c = Conv(%x, %w)       =>   %y = Conv(%x, %w) {hi=6, lo=0}
//   %y = Clip(%c, 0, 6)
//
// For Relu, and for Clip with constant bounds, behind operators with the attributes `lo` and `hi`
// (Conv, Gemm, MatMul, Add, ...), where nobody else reads the sum. The same bits come out.
#include <algorithm>
#include <limits>

#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

struct Bounds {
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
};

// What the node does to x, if it is a clamp.
std::optional<Bounds> bounds_of(const Node& n) {
  Bounds b;
  if (n.is("Relu")) {
    b.lo = 0;
    return b;
  }
  if (!n.is("Clip")) return std::nullopt;
  for (const size_t i : {size_t{1}, size_t{2}}) {
    if (!n.input(i)) continue;
    const auto bound = number_of(n.input(i));
    if (!bound || *bound != *bound) return std::nullopt;
    (i == 1 ? b.lo : b.hi) = static_cast<float>(*bound);
  }
  b.lo = std::min(b.lo, b.hi);  // where min is above max, everything is max
  return b;
}

bool may_clamp(const Node* n) {
  if (!n || !n->has_attr("lo") || !n->has_attr("hi") || !n->output() || n->integer) return false;
  const DType t = n->output()->dtype;
  return (t == BT_F32 || bt_is_half(t)) && !n->output()->quant;
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    const auto b = bounds_of(*node);
    Value* x = node->input(0);
    if (!b || !ctx.selected(*node) || !may_clamp(x->producer) || only_user(x) != node) continue;
    if (!node->output() || node->output()->quant) continue;
    Node* sum = x->producer;
    TRY(sum->set_attr("lo", std::clamp(sum->attr_float("lo"), b->lo, b->hi)));
    TRY(sum->set_attr("hi", std::clamp(sum->attr_float("hi"), b->lo, b->hi)));
    take_over(graph, node->output(), x);
    graph.erase(node);
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass fuse_activation = make_pass<NoOptions, describe_nothing, run>(
    "Lets products and sums clamp their result themselves.", Effect::exact);

}  // namespace bantam
