// SPDX-License-Identifier: Apache-2.0
// Recognizes the functions that gate a value where they are written out.
//
//   clamp(x + 3, 0, 6) / 6              =>   HardSigmoid(x) {alpha=1/6, beta=0.5}
//   x * clamp(x + 3, 0, 6) / 6          =>   HardSwish(x)
//   x * Sigmoid(a * x)                  =>   Swish(x) {alpha=a}
//   x * Tanh(Softplus(x))               =>   Mish(x)
//
// In any order of the factors; a clamp may be Clip, Min and Max, Relu and Min, or a HardSigmoid.
// Not done where an inner value has another reader. Results differ by rounding only (1e-6).
#include "ir/expression.h"
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

struct Gate {
  std::string op;  // empty: none
  Value* x = nullptr;
  AttrList attrs;
};

// factor * clamp(...) as a HardSigmoid.
Gate hard_sigmoid(Value* v, double factor) {
  const auto ramp = ramp_of(v);
  if (!ramp || ramp->lo != 0 || !is_near(factor * ramp->hi, 1)) return {};
  return {"HardSigmoid",
          ramp->line.x,
          {{"alpha", static_cast<float>(ramp->line.scale * factor)},
           {"beta", static_cast<float>(ramp->line.shift * factor)}}};
}

// factor * x * g as one function of x.
Gate gated(Value* x, Value* g, double factor) {
  if (const auto ramp = ramp_of(g); ramp && ramp->line.x == x) {
    const Line& line = ramp->line;
    const bool fits = ramp->lo == 0 && is_near(factor * ramp->hi, 1) &&
                      is_near(line.scale * factor, 1.0 / 6) && is_near(line.shift * factor, 0.5);
    return fits ? Gate{"HardSwish", x, {}} : Gate{};
  }
  if (factor != 1) return {};
  if (const Node* sigmoid = made_by(g, "Sigmoid")) {
    if (sigmoid->inputs[0] == x) return {"Swish", x, {}};
    const Line line = line_of(sigmoid->inputs[0]);
    const bool fits = line.x == x && line.shift == 0 && only_user(sigmoid->inputs[0]);
    if (fits) return {"Swish", x, {{"alpha", static_cast<float>(line.scale)}}};
  }
  const Node* tanh = made_by(g, "Tanh");
  const Node* softplus = tanh ? made_by(tanh->inputs[0], "Softplus") : nullptr;
  if (softplus && softplus->inputs[0] == x && only_user(tanh->inputs[0])) return {"Mish", x, {}};
  return {};
}

Gate find_gate(Value* y) {
  const auto product = product_of(y);
  if (!product) return {};
  const auto& values = product->values;
  // without a shift it is a plain clamp, which the sum before it can do itself
  if (values.size() == 1 && values[0] != y && only_user(values[0])) {
    Gate g = hard_sigmoid(values[0], product->factor);
    return g.op.empty() || ramp_of(values[0])->line.shift == 0 ? Gate{} : g;
  }
  if (values.size() != 2) return {};
  for (const size_t i : {size_t{0}, size_t{1}}) {
    if (!only_user(values[1 - i])) continue;
    Gate g = gated(values[i], values[1 - i], product->factor);
    if (!g.op.empty()) return g;
  }
  return {};
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  bool changed = false;
  for (Node* node : graph.nodes()) {
    if (!node->is("Mul") && !node->is("Div")) continue;
    Value* y = node->output();
    if (!ctx.selected(*node) || y->dtype != BT_F32 || y->quant) continue;
    Gate gate = find_gate(y);
    if (gate.op.empty() || gate.x->rank() < 0 || gate.x->rank() != y->rank()) continue;
    TRY(Node * made, graph.insert_before(node, gate.op, node->name, {gate.x}, std::move(gate.attrs),
                                         {y->name + ".gate"}));
    take_over(graph, y, made->output());
    graph.erase(node);
    changed = true;
  }
  return changed;
}

}  // namespace

extern constinit const Pass fuse_hard_swish = make_pass<NoOptions, describe_nothing, run>(
    "Recognizes HardSwish, HardSigmoid, Swish and Mish where they are written out.", Effect::exact);

}  // namespace bantam
