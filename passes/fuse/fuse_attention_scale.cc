// SPDX-License-Identifier: Apache-2.0
// Multiplies the factor of attention scores into weights, once.
//
//   %q = MatMul(%x, %w)                          %q = MatMul(%x, %w.scaled)
//   %s = MatMul(Transpose(%q), %k)        =>     %y = MatMul(Transpose(%q), %k)
//   %y = Div(%s, 8)
//
// A Mul or Div by a number is followed upwards: through Reshape, Transpose and their like, sums
// with a constant (which is scaled as well) and products, to weights that are constant. Everything
// on the way has one reader. Moves outputs by about 1e-7 of their size; by nothing where the number
// is a power of two.
#include <cmath>

#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

constexpr int kDepth = 12;  // nodes between the factor and the weights

// Neither the scaled weights nor what is computed of them leaves the range of floats.
bool is_moderate(double factor) { return std::fabs(factor) > 1e-6 && std::fabs(factor) < 1e6; }

class Fuser {
 public:
  Fuser(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  Result<bool> run() {
    for (Node* node : graph_.nodes()) {
      const bool product = node->is("Mul"), division = node->is("Div");
      if ((!product && !division) || !ctx_.selected(*node) || has_clamp(*node)) continue;
      const auto operands = constant_operand(*node);
      const auto number = operands ? number_of(operands->constant) : std::nullopt;
      if (!number || !is_moderate(*number) || (division && operands->constant == node->inputs[0]))
        continue;
      Value *x = operands->x, *y = node->output();
      if (x->dtype != BT_F32 || x->quant || y->quant || x->rank() < 0 || x->rank() != y->rank())
        continue;
      factor_ = product ? *number : 1 / *number;
      places_.clear();
      if (only_user(x) != node || !follow(x, 0)) continue;
      for (const Use& place : places_) scale(place);
      take_over(graph_, y, x);
      graph_.erase(node);
      changed_ = true;
    }
    return changed_;
  }

 private:
  static bool moves_only(const Node& n) {
    return n.is("Reshape") || n.is("Transpose") || n.is("Squeeze") || n.is("Unsqueeze") ||
           n.is("Flatten");
  }

  static bool may_scale(const Value* v) {
    return v && v->is_constant() && v->dtype == BT_F32 && !v->quant && only_user(v);
  }

  // Collects the constants that must be scaled to scale v; false where that is not possible.
  bool follow(const Value* v, int depth) {
    Node* n = v->producer;
    if (!n || depth > kDepth || v->quant || n->integer || has_clamp(*n) || !only_user(v))
      return false;
    if (moves_only(*n)) return follow(n->inputs[0], depth + 1);
    if (n->is("Add")) {
      for (const int i : {0, 1})
        if (may_scale(n->inputs[static_cast<size_t>(i)]) &&
            follow(n->inputs[static_cast<size_t>(1 - i)], depth + 1)) {
          places_.push_back({n, i});
          return true;
        }
      return false;
    }
    const bool product = n->is("MatMul") || n->is("Gemm") || n->is("Conv");
    if (!product || (n->input(2) && !may_scale(n->input(2)))) return false;
    for (const int i : {0, 1}) {
      const Value* operand = n->inputs[static_cast<size_t>(i)];
      if (!may_scale(operand) && !(n->is("MatMul") && follow(operand, depth + 1))) continue;
      if (may_scale(operand)) places_.push_back({n, i});
      if (n->input(2)) places_.push_back({n, 2});
      return true;
    }
    return false;
  }

  void scale(const Use& place) {
    const Value* old = place.node->inputs[static_cast<size_t>(place.index)];
    std::vector<float> values;
    for (const float v : old->constant->floats())
      values.push_back(static_cast<float>(static_cast<double>(v) * factor_));
    replace_constant(graph_, place.node, place.index, Tensor::of_floats(*old->shape, values),
                     ".scaled");
  }

  Graph& graph_;
  PassContext& ctx_;
  double factor_ = 1;
  std::vector<Use> places_;  // constants to scale
  bool changed_ = false;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  return Fuser(graph, ctx).run();
}

}  // namespace

extern constinit const Pass fuse_attention_scale = make_pass<NoOptions, describe_nothing, run>(
    "Multiplies the factor of attention scores into weights.", Effect::exact);

}  // namespace bantam
