// SPDX-License-Identifier: Apache-2.0
// Recognizes layer normalization where it is written out.
//
//   %m = ReduceMean(%x, -1)                  =>   %y = LayerNormalization(%x, %gamma, %beta)
//   %d = %x - %m
//   %v = ReduceMean(%d * %d, -1)
//   %y = %d / Sqrt(%v + epsilon) * %gamma + %beta
//
// Over the last axes, with gamma and beta constant or missing; the square may be Mul or Pow, the
// division a product with Reciprocal or with Pow(-0.5). Not done where an inner value has another
// reader. Results differ by rounding only (1e-6).
#include <algorithm>

#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

// The first of the axes over which the mean is taken, if they are the last ones; -1 otherwise.
int first_axis(const Node& mean) {
  const Value* x = mean.input(0);
  const auto given = integers_of(mean.input(1));
  if (!given || given->empty() || x->rank() < 1 || !mean.attr_int("keepdims")) return -1;
  std::vector<int64_t> axes;
  for (const int64_t a : *given) axes.push_back(a < 0 ? a + x->rank() : a);
  std::sort(axes.begin(), axes.end());
  for (size_t i = 0; i < axes.size(); ++i)
    if (axes[i] != x->rank() - static_cast<int64_t>(axes.size() - i)) return -1;
  return static_cast<int>(axes[0]);
}

struct Norm {
  Value* x = nullptr;
  int axis = -1;
  float epsilon = 0;
};

// What is squared: d of Mul(d, d) or Pow(d, 2).
Value* squared(const Value* v) {
  const Node* n = v->producer;
  if (!n || n->inputs.size() != 2) return nullptr;
  if (n->is("Mul") && n->inputs[0] == n->inputs[1]) return n->inputs[0];
  return n->is("Pow") && number_of(n->inputs[1]) == 2.0 ? n->inputs[0] : nullptr;
}

// x of x - mean(x).
Value* centred(const Value* d, int& axis) {
  const Node* sub = made_by(d, "Sub");
  const Node* mean = sub ? made_by(sub->inputs[1], "ReduceMean") : nullptr;
  if (!mean || mean->inputs[0] != sub->inputs[0]) return nullptr;
  axis = first_axis(*mean);
  return axis < 0 ? nullptr : sub->inputs[0];
}

// Sqrt(v + epsilon), or what is raised to -1/2 for it: v + epsilon.
Value* variance_of_root(const Value* divisor) {
  const Node* root = made_by(divisor, "Sqrt");
  return root && only_user(divisor) ? root->inputs[0] : nullptr;
}
Value* variance_of_factor(const Value* factor) {
  const Node* n = factor->producer;
  if (!n || !only_user(factor)) return nullptr;
  if (n->is("Reciprocal")) return variance_of_root(n->inputs[0]);
  if (n->is("Pow") && number_of(n->inputs[1]) == -0.5) return n->inputs[0];
  if (n->is("Div") && number_of(n->inputs[0]) == 1.0) return variance_of_root(n->inputs[1]);
  return nullptr;
}

// d / root or d * factor, all the way up to x.
std::optional<Norm> match(const Value* d, Value* variance) {
  const Node* sum = variance && only_user(variance) ? made_by(variance, "Add") : nullptr;
  const auto operands = sum ? constant_operand(*sum) : std::nullopt;
  const auto epsilon = operands ? number_of(operands->constant) : std::nullopt;
  if (!epsilon || !only_user(operands->x)) return std::nullopt;
  const Node* mean = made_by(operands->x, "ReduceMean");
  const Value* square = mean ? mean->inputs[0] : nullptr;
  Value* deviation = square && only_user(square) ? squared(square) : nullptr;
  Norm norm;
  int axis = -1;
  norm.x = deviation ? centred(deviation, norm.axis) : nullptr;
  if (!norm.x || centred(d, axis) != norm.x || axis != norm.axis || first_axis(*mean) != axis)
    return std::nullopt;
  norm.epsilon = static_cast<float>(*epsilon);
  return norm;
}

std::optional<Norm> match_node(const Node& n) {
  if (n.is("Div") && !has_clamp(n)) return match(n.inputs[0], variance_of_root(n.inputs[1]));
  if (!n.is("Mul") || has_clamp(n)) return std::nullopt;
  auto norm = match(n.inputs[0], variance_of_factor(n.inputs[1]));
  return norm ? norm : match(n.inputs[1], variance_of_factor(n.inputs[0]));
}

// The constant of the one node of this operator that reads v, in the shape of the normalized axes.
std::optional<Tensor> next_constant(const Value* v, const char* op, const Norm& norm) {
  const Node* n = only_user(v);
  const auto operands = n && n->is(op) && !has_clamp(*n) ? constant_operand(*n) : std::nullopt;
  if (!operands || operands->constant->dtype != BT_F32) return std::nullopt;
  const Shape wanted(norm.x->shape->begin() + norm.axis, norm.x->shape->end());
  const Tensor& t = *operands->constant->constant;
  Shape shape = t.shape();
  while (shape.size() > wanted.size() && shape.front() == 1) shape.erase(shape.begin());
  if (shape != wanted || t.rank() > norm.x->rank()) return std::nullopt;
  return t.reshaped(wanted);
}

class Fuser {
 public:
  Fuser(Graph& graph, PassContext& ctx) : graph_(graph), ctx_(ctx) {}

  Result<bool> run() {
    for (Node* node : graph_.nodes()) {
      const Value* y = node->output();
      if (!ctx_.selected(*node) || !y || y->dtype != BT_F32 || y->quant) continue;
      if (y->uses().empty() && !y->is_output()) continue;
      if (const auto norm = match_node(*node)) TRY(replace(node, *norm));
    }
    return changed_;
  }

 private:
  Result<void> replace(Node* node, const Norm& norm) {
    const Shape shape(norm.x->shape->begin() + norm.axis, norm.x->shape->end());
    if (!is_known(shape)) return {};
    Node* end = node;
    const auto gamma = next_constant(end->output(), "Mul", norm);
    if (gamma) end = only_user(end->output());
    const auto beta = next_constant(end->output(), "Add", norm);
    if (beta) end = only_user(end->output());
    Value* y = end->output();
    if (y->uses().empty() && !y->is_output()) return {};  // replaced before
    const std::vector<float> ones(gamma ? 0 : static_cast<size_t>(element_count(shape)), 1.0f);
    std::vector<Value*> inputs = {
        norm.x,
        graph_.add_constant(y->name + ".gamma", gamma ? *gamma : Tensor::of_floats(shape, ones))};
    if (beta) inputs.push_back(graph_.add_constant(y->name + ".beta", *beta));
    TRY(Node * made,
        graph_.insert_before(
            end, "LayerNormalization", node->name, std::move(inputs),
            {{"axis", static_cast<int64_t>(norm.axis) - norm.x->rank()}, {"epsilon", norm.epsilon}},
            {y->name + ".normalized"}));
    take_over(graph_, y, made->output());
    changed_ = true;
    return {};
  }

  Graph& graph_;
  PassContext& ctx_;
  bool changed_ = false;
};

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  return Fuser(graph, ctx).run();
}

}  // namespace

extern constinit const Pass fuse_layer_norm = make_pass<NoOptions, describe_nothing, run>(
    "Recognizes layer normalization where it is written out.", Effect::exact);

}  // namespace bantam
