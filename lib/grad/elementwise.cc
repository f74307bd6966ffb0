// SPDX-License-Identifier: Apache-2.0
// Gradients of operators that work element by element. At a corner the gradient is that of the flat
// side.
#include <cmath>

#include "grad/tape.h"
#include "ir/match.h"

namespace bantam {
namespace {

bool always(const Node&) { return true; }

void add_rule(Tape& t, const Node& n) {
  Value* d = t.through_clamp(n);
  for (Value* v : n.inputs) t.add(v, d);
}

void sub_rule(Tape& t, const Node& n) {
  Value* d = t.through_clamp(n);
  t.add(n.inputs[0], d);
  if (t.wants(n.inputs[1])) t.add(n.inputs[1], t.make("Neg", {d}));
}

void mul_rule(Tape& t, const Node& n) {
  Value* d = t.through_clamp(n);
  for (const size_t i : {size_t{0}, size_t{1}})
    if (t.wants(n.inputs[i])) t.add(n.inputs[i], t.times(d, n.inputs[1 - i]));
}

void div_rule(Tape& t, const Node& n) {
  Value* by = t.over(t.through_clamp(n), n.inputs[1]);
  t.add(n.inputs[0], by);
  if (!t.wants(n.inputs[1])) return;
  Value* quotient = t.over(n.inputs[0], n.inputs[1]);  // the result may have a clamp behind it
  t.add(n.inputs[1], t.make("Neg", {t.times(by, quotient)}));
}

// ---- functions of one value: the factor that the chain rule asks for ----

template <Value* (*kFactor)(Tape&, const Node&)>
void chain(Tape& t, const Node& n) {
  t.add(n.inputs[0], t.times(t.of(n.output()), kFactor(t, n)));
}

Value* neg(Tape& t, const Node&) { return t.number(-1); }
Value* exp(Tape&, const Node& n) { return n.output(); }
Value* log(Tape& t, const Node& n) { return t.make("Reciprocal", {n.inputs[0]}); }
Value* sqrt(Tape& t, const Node& n) { return t.over(t.number(0.5f), n.output()); }
Value* abs(Tape& t, const Node& n) { return t.make("Sign", {n.inputs[0]}); }

// y * (1 - y)
Value* sigmoid_factor(Tape& t, Value* y) { return t.times(y, t.minus(t.number(1), y)); }
Value* sigmoid(Tape& t, const Node& n) { return sigmoid_factor(t, n.output()); }

Value* tanh(Tape& t, const Node& n) {
  return t.minus(t.number(1), t.times(n.output(), n.output()));
}

Value* swish(Tape& t, const Node& n) {
  Value* ax = t.times(n.inputs[0], t.number(n.attr_float("alpha")));
  Value* s = t.make("Sigmoid", {ax});
  return t.plus(s, t.times(ax, sigmoid_factor(t, s)));
}

// h + x * h', where h is the clamped line.
Value* hard_swish(Tape& t, const Node& n) {
  Value* x = n.inputs[0];
  Value* sixth = t.times(x, t.number(1.0f / 6));
  Value* h = t.make("Clip", {t.plus(sixth, t.number(0.5f)), t.number(0), t.number(1)});
  return t.plus(h, t.inside(x, -3, 3, sixth));
}

// The normal distribution up to x, and x times its density.
Value* gelu(Tape& t, const Node& n) {
  Value* x = n.inputs[0];
  Value* half = t.times(t.make("Erf", {t.times(x, t.number(0.70710678f))}), t.number(0.5f));
  Value* density =
      t.times(t.make("Exp", {t.times(t.times(x, x), t.number(-0.5f))}), t.number(0.39894228f));
  return t.plus(t.plus(half, t.number(0.5f)), t.times(x, density));
}
bool is_erf(const Node& n) { return n.attr_word("approximate") == "none"; }

Value* erf(Tape& t, const Node& n) {
  Value* x = n.inputs[0];
  return t.times(t.make("Exp", {t.make("Neg", {t.times(x, x)})}), t.number(1.1283792f));
}

// ---- with corners ----

void relu(Tape& t, const Node& n) {
  t.add(n.inputs[0], t.inside(n.output(), 0, INFINITY, t.of(n.output())));
}

void leaky_relu(Tape& t, const Node& n) {
  Value* d = t.of(n.output());
  Value* above = t.make("Greater", {n.inputs[0], t.number(0)});
  t.add(n.inputs[0], t.make("Where", {above, d, t.times(d, t.number(n.attr_float("alpha")))}));
}

void p_relu(Tape& t, const Node& n) {
  Value* d = t.of(n.output());
  Value* above = t.make("Greater", {n.inputs[0], t.number(0)});
  t.add(n.inputs[0], t.make("Where", {above, d, t.times(d, n.inputs[1])}));
}
bool has_constant_slope(const Node& n) { return n.inputs[1]->is_constant(); }

void hard_sigmoid(Tape& t, const Node& n) {
  Value* d = t.times(t.of(n.output()), t.number(n.attr_float("alpha")));
  t.add(n.inputs[0], t.inside(n.output(), 0, 1, d));
}

float bound(const Value* v, float missing) {
  const auto number = number_of(v);
  return number ? static_cast<float>(*number) : missing;
}
bool has_constant_bounds(const Node& n) {
  return (!n.input(1) || number_of(n.input(1))) && (!n.input(2) || number_of(n.input(2)));
}
void clip(Tape& t, const Node& n) {
  const float lo = bound(n.input(1), -INFINITY), hi = bound(n.input(2), INFINITY);
  t.add(n.inputs[0], t.inside(n.output(), lo, hi, t.of(n.output())));
}

// Straight through: what lies in the range is passed as if it were not rounded.
void fake_quantize(Tape& t, const Node& n) {
  const auto step = [&](const char* end, float half) {
    const auto steps = static_cast<float>(n.attr_int(end) - n.attr_int("zero"));
    return (steps + half) * n.attr_float("scale");
  };
  t.add(n.inputs[0], t.inside(n.inputs[0], step("lo", -0.5f), step("hi", 0.5f), t.of(n.output())));
}

}  // namespace

const GradientRules& elementwise_rules() {
  static const GradientRules rules = {
      {"Add", always, add_rule},
      {"Sub", always, sub_rule},
      {"Mul", always, mul_rule},
      {"Div", always, div_rule},
      {"Neg", always, chain<neg>},
      {"Exp", always, chain<exp>},
      {"Log", always, chain<log>},
      {"Sqrt", always, chain<sqrt>},
      {"Abs", always, chain<abs>},
      {"Erf", always, chain<erf>},
      {"Sigmoid", always, chain<sigmoid>},
      {"Tanh", always, chain<tanh>},
      {"Swish", always, chain<swish>},
      {"HardSwish", always, chain<hard_swish>},
      {"Gelu", is_erf, chain<gelu>},
      {"Relu", always, relu},
      {"LeakyRelu", always, leaky_relu},
      {"PRelu", has_constant_slope, p_relu},
      {"HardSigmoid", always, hard_sigmoid},
      {"Clip", has_constant_bounds, clip},
      {"FakeQuantize", always, fake_quantize},
  };
  return rules;
}

}  // namespace bantam
