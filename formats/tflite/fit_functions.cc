// SPDX-License-Identifier: Apache-2.0
// Functions of floats that the format has no operator for, out of those that it has. (Functions of
// quantized values are tables: operators_functions.cc.)
//
//   Swish         =>  x * Sigmoid(alpha * x)         HardSigmoid      =>  Clip(alpha * x + beta, 0,
//   1) Softplus      =>  Relu(x) + Log(1 + Exp(-|x|))   Mish             =>  x * Tanh(Softplus(x))
//   Selu, Celu, Elu with another alpha  =>  Relu(x) and Exp(Min(x, 0))
//   Softsign      =>  x / (1 + |x|)                  ThresholdedRelu  =>  Where(x > alpha, x, 0)
//   Reciprocal    =>  1 / x                          Pow(x, 2)        =>  x * x
//   Sum, Mean, Max, Min of many         =>  of two at a time
//   DepthToSpace of mode CRD            =>  channels moved, then mode DCR
//   Concat, Max, Min of integers of other scales  =>  rescaled first: Mul by 1
#include <algorithm>
#include <cmath>

#include "formats/tflite/emitter.h"
#include "formats/tflite/fit.h"
#include "ir/match.h"

namespace bantam {
namespace {

bool is_float(const Node& n) { return n.inputs[0]->dtype == BT_F32; }

Value* softplus(Speller& s, Value* x) {
  Value* tail = s.add("Exp", {s.add("Neg", {s.add("Abs", {x})})});
  return s.add("Add", {s.add("Relu", {x}), s.add("Log", {s.add("Add", {tail, s.number(1)})})});
}

// gamma * x above 0, factor * (e^(x / width) - 1) below.
Value* exponential_unit(Speller& s, Value* x, float gamma, float factor, float width) {
  Value* below = s.add("Min", {x, s.number(0)});
  if (width != 1) below = s.add("Div", {below, s.number(width)});
  below = s.add("Sub", {s.add("Exp", {below}), s.number(1)});
  Value* above = s.add("Relu", {x});
  if (gamma != 1) above = s.add("Mul", {above, s.number(gamma)});
  return s.add("Add", {above, s.add("Mul", {below, s.number(factor)})});
}

// Null: the operator can be written as it is.
Value* spelled(Speller& s, const Node& n) {
  Value* x = n.inputs[0];
  if (n.is("Swish")) {
    const float alpha = n.attr_float("alpha");
    return s.add("Mul",
                 {x, s.add("Sigmoid", {alpha == 1 ? x : s.add("Mul", {x, s.number(alpha)})})});
  }
  if (n.is("HardSigmoid")) {
    Value* line = s.add("Mul", {x, s.number(n.attr_float("alpha"))});
    return s.add("Add", {line, s.number(n.attr_float("beta"))}, {{"lo", 0.0f}, {"hi", 1.0f}});
  }
  if (n.is("Softplus")) return softplus(s, x);
  if (n.is("Mish")) return s.add("Mul", {x, s.add("Tanh", {softplus(s, x)})});
  if (n.is("Selu"))
    return exponential_unit(s, x, n.attr_float("gamma"),
                            n.attr_float("gamma") * n.attr_float("alpha"), 1);
  if (n.is("Celu")) return exponential_unit(s, x, 1, n.attr_float("alpha"), n.attr_float("alpha"));
  if (n.is("Elu"))
    return n.attr_float("alpha") == 1 ? nullptr
                                      : exponential_unit(s, x, 1, n.attr_float("alpha"), 1);
  if (n.is("Softsign")) return s.add("Div", {x, s.add("Add", {s.add("Abs", {x}), s.number(1)})});
  if (n.is("ThresholdedRelu"))
    return s.add("Where", {s.add("Greater", {x, s.number(n.attr_float("alpha"))}), x, s.number(0)});
  if (n.is("Reciprocal")) return s.add("Div", {s.number(1), x});
  return nullptr;
}

Result<bool> fit_function(Graph& graph, Node* n) {
  if (!is_float(*n)) return false;
  Speller s(graph, n);
  Value* made = spelled(s, *n);
  return made ? s.become(made) : Result<bool>(false);
}

Result<bool> fit_pow(Graph& graph, Node* n) {
  const auto exponent = number_of(n->inputs[1]);
  if (!is_float(*n) || !exponent || !same_shape(n->inputs[0], n->output())) return false;
  Value* x = n->inputs[0];
  Speller s(graph, n);
  if (*exponent == 2) return s.become(s.add("Mul", {x, x}));
  if (*exponent == 3) return s.become(s.add("Mul", {s.add("Mul", {x, x}), x}));
  if (*exponent == 0.5) return s.become(s.add("Sqrt", {x}));
  if (*exponent == -1) return s.become(s.add("Div", {s.number(1), x}));
  return false;
}

// ---- integers of several scales ----

// Mul by the number 1 takes the exact factor; the format's own QUANTIZE has but 8 bits for it in
// XNNPACK.
Value* rescaled(Graph& graph, Speller& s, Value* v, const std::shared_ptr<const Quant>& quant) {
  if (v->is_constant())
    return graph.add_constant(v->name, encode(decode(*v->constant, *v->quant), *quant), quant);
  auto unit = std::make_shared<Quant>();
  unit->scale = {1.0f};
  unit->storage = quant->storage;
  unit->bits = quant->bits;
  Value* one =
      graph.add_constant(v->name + ".one", encode(Tensor::scalar_float(1), *unit), unit);
  return s.add_stored("Mul", {v, one}, {}, quant);
}

Result<bool> share_scale(Graph& graph, Node* n) {
  const auto& quant = n->output()->quant;
  if (!is_quantized(n->output())) return false;
  bool changed = false;
  Speller s(graph, n);
  for (size_t i = 0; i < n->inputs.size(); ++i) {
    Value* v = n->inputs[i];
    if (!is_quantized(v) || *v->quant == *quant) continue;
    graph.set_input(n, static_cast<int>(i), rescaled(graph, s, v, quant));
    changed = true;
  }
  return changed;
}

// ---- more than two operands ----

Result<bool> fit_many(Graph& graph, Node* n) {
  TRY(const bool rescaled_some, share_scale(graph, n));
  const bool is_sum = n->is("Sum") || n->is("Mean");
  if (n->inputs.size() == 2 && !is_sum) return rescaled_some;
  const char* two = is_sum ? "Add" : n->op->name;
  Speller s(graph, n);
  Value* y = n->inputs[0];
  for (size_t i = 1; i < n->inputs.size(); ++i)
    y = s.add_stored(two, {y, n->inputs[i]}, {}, n->output()->quant);
  if (n->is("Mean")) y = s.add("Mul", {y, s.number(1.0f / static_cast<float>(n->inputs.size()))});
  if (n->inputs.size() == 1) y = s.add_stored("Identity", {y}, {}, n->output()->quant);
  return s.become(y);
}

// [N,H,W,c*b*b] => channels b*b*c
Result<bool> fit_depth_to_space(Graph& graph, Node* n) {
  if (n->attr_word("mode") != "CRD" || n->attr_word("layout") != "last" ||
      n->inputs[0]->rank() != 4)
    return false;
  const int64_t block = n->attr_int("blocksize"), squares = block * block;
  const Shape& in = *n->inputs[0]->shape;
  if (in[1] < 0 || in[2] < 0 || in[3] < 0) return false;
  const auto quant = n->output()->quant;
  Speller s(graph, n);
  Value* rows =
      s.add_stored("Reshape", {n->inputs[0], s.list({-1, in[3] / squares, squares})}, {}, quant);
  Value* moved = s.add_stored("Transpose", {rows}, {{"perm", std::vector<int64_t>{0, 2, 1}}}, quant);
  Value* back = s.add_stored("Reshape", {moved, s.list({-1, in[1], in[2], in[3]})}, {}, quant);
  return s.become(s.add_stored("DepthToSpace", {back},
                           {{"blocksize", block}, {"layout", std::string("last")}}, quant));
}

constexpr FitRow kRows[] = {
    {"Swish", fit_function},
    {"HardSigmoid", fit_function},
    {"Softplus", fit_function},
    {"Mish", fit_function},
    {"Selu", fit_function},
    {"Celu", fit_function},
    {"Elu", fit_function},
    {"Softsign", fit_function},
    {"ThresholdedRelu", fit_function},
    {"Reciprocal", fit_function},
    {"Pow", fit_pow},
    {"Concat", share_scale},
    {"Where", share_scale},
    {"Max", fit_many},
    {"Min", fit_many},
    {"Sum", fit_many},
    {"Mean", fit_many},
    {"DepthToSpace", fit_depth_to_space},
};

}  // namespace

std::span<const FitRow> function_fits() { return kRows; }

}  // namespace bantam
