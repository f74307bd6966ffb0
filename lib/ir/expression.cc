// SPDX-License-Identifier: Apache-2.0
#include "ir/expression.h"

#include <algorithm>
#include <cmath>

#include "ir/match.h"

namespace bantam {
namespace {

constexpr int kDepth = 8;  // nodes on a path; real expressions have half of it
constexpr size_t kLeaves = 4, kTerms = 4;
const double kInfinity = std::numeric_limits<double>::infinity();

// One step of a line: v = scale * x + shift.
std::optional<Line> step_of(const Value* v) {
  const Node* n = v->producer;
  if (!n || n->integer || has_clamp(*n)) return std::nullopt;
  if (n->is("Neg")) return Line{n->inputs[0], -1, 0};
  const auto operands = constant_operand(*n);
  const auto c = operands ? number_of(operands->constant) : std::nullopt;
  if (!c || operands->x->rank() < operands->constant->rank()) return std::nullopt;
  const bool first = operands->constant == n->inputs[0];
  if (n->is("Add")) return Line{operands->x, 1, *c};
  if (n->is("Sub")) return first ? Line{operands->x, -1, *c} : Line{operands->x, 1, -*c};
  if (n->is("Mul")) return Line{operands->x, *c, 0};
  if (n->is("Div") && !first && *c != 0) return Line{operands->x, 1 / *c, 0};
  return std::nullopt;
}

bool flatten(Value* v, int depth, Product& out) {
  const Node* n = v->producer;
  const bool inner = depth == 0 || only_user(v);
  if (n && inner && depth < kDepth && !n->integer && !has_clamp(*n)) {
    if (const auto step = step_of(v); step && step->shift == 0) {
      out.factor *= step->scale;
      return flatten(step->x, depth + 1, out);
    }
    if (n->is("Mul") && n->inputs[0] != n->inputs[1])
      return flatten(n->inputs[0], depth + 1, out) && flatten(n->inputs[1], depth + 1, out);
  }
  out.values.push_back(v);
  return out.values.size() <= kLeaves;
}

std::optional<Polynomial> times(const Polynomial& a, const Polynomial& b) {
  Polynomial c(a.size() + b.size() - 1);
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t k = 0; k < b.size(); ++k) c[i + k] += a[i] * b[k];
  while (c.size() > 1 && c.back() == 0) c.pop_back();
  if (c.size() > kTerms) return std::nullopt;
  return c;
}

Polynomial plus(Polynomial a, const Polynomial& b, double sign) {
  a.resize(std::max(a.size(), b.size()));
  for (size_t i = 0; i < b.size(); ++i) a[i] += sign * b[i];
  return a;
}

std::optional<Polynomial> polynomial(const Value* v, const Value* x, int depth) {
  if (v == x) return Polynomial{0, 1};
  if (const auto c = number_of(v)) return Polynomial{*c};
  const Node* n = v ? v->producer : nullptr;
  if (!n || depth >= kDepth || n->inputs.size() != 2 || n->integer || has_clamp(*n))
    return std::nullopt;
  const auto a = polynomial(n->inputs[0], x, depth + 1);
  const auto b = a ? polynomial(n->inputs[1], x, depth + 1) : std::nullopt;
  if (!b) return std::nullopt;
  if (n->is("Add")) return plus(*a, *b, 1);
  if (n->is("Sub")) return plus(*a, *b, -1);
  if (n->is("Mul")) return times(*a, *b);
  if (b->size() != 1) return std::nullopt;
  if (n->is("Div") && (*b)[0] != 0) return times(*a, {1 / (*b)[0]});
  if (!n->is("Pow")) return std::nullopt;
  if ((*b)[0] == 2) return times(*a, *a);
  const auto square = (*b)[0] == 3 ? times(*a, *a) : std::nullopt;
  return square ? times(*square, *a) : std::nullopt;
}

}  // namespace

Line line_of(Value* v) {
  Line line{v, 1, 0};
  for (int depth = 0; depth < kDepth; ++depth) {
    const auto step = depth == 0 || only_user(line.x) ? step_of(line.x) : std::nullopt;
    if (!step) break;
    line.shift += line.scale * step->shift;
    line.scale *= step->scale;
    line.x = step->x;
  }
  return line;
}

std::optional<Ramp> ramp_of(Value* v) {
  Node* n = v->producer;
  if (!n || n->integer) return std::nullopt;
  Ramp ramp{{}, -kInfinity, kInfinity};
  if (n->is("HardSigmoid")) {
    ramp.line = {n->inputs[0], static_cast<double>(n->attr_float("alpha")),
                 static_cast<double>(n->attr_float("beta"))};
    ramp.lo = 0;
    ramp.hi = 1;
    return ramp;
  }
  Value* inner = nullptr;
  if (n->is("Clip")) {
    const auto lo = number_of(n->input(1)), hi = number_of(n->input(2));
    if ((n->input(1) && !lo) || (n->input(2) && !hi)) return std::nullopt;
    inner = n->inputs[0];
    if (lo) ramp.lo = *lo;
    if (hi) ramp.hi = *hi;
  } else if (n->is("Relu")) {
    inner = n->inputs[0];
    ramp.lo = 0;
  } else if (n->is("Min") || n->is("Max")) {
    const auto operands = constant_operand(*n);
    const auto bound = operands ? number_of(operands->constant) : std::nullopt;
    if (!bound) return std::nullopt;
    inner = operands->x;
    (n->is("Min") ? ramp.hi : ramp.lo) = *bound;
  } else {
    return std::nullopt;
  }
  if (!only_user(inner)) return std::nullopt;
  // a clamp of a clamp, as in min(relu(x), 6)
  if (const auto first = ramp_of(inner); first && !inner->producer->is("HardSigmoid")) {
    ramp.lo = std::max(ramp.lo, first->lo);
    ramp.hi = std::min(ramp.hi, first->hi);
    ramp.line = first->line;
  } else {
    ramp.line = line_of(inner);
  }
  return ramp;
}

std::optional<Product> product_of(Value* v) {
  Product p;
  if (!flatten(v, 0, p)) return std::nullopt;
  return p;
}

std::optional<Polynomial> polynomial_of(const Value* v, const Value* x) {
  return polynomial(v, x, 0);
}

bool is_near(double value, double expected) {
  return std::fabs(value - expected) <= 1e-6 * std::fabs(expected);
}

}  // namespace bantam
