// SPDX-License-Identifier: Apache-2.0
// Chains of arithmetic with single numbers, read as what they compute. Exporters write the same
// function in many ways (x / 2, x * 0.5, 0.5 * x; Pow(x, 2), Mul(x, x)); a pattern that asks for
// the meaning does not have to list them.
//
// A chain is followed only through values that have one reader: the rest must be computed anyway.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"

namespace bantam {

// scale * x + shift
struct Line {
  Value* x = nullptr;
  double scale = 1, shift = 0;
};
// Add, Sub, Mul, Div and Neg by numbers, followed upwards as far as they go (perhaps nowhere: then
// x is v).
Line line_of(Value* v);

// min(max(scale * x + shift, lo), hi)
struct Ramp {
  Line line;
  double lo = 0, hi = 0;
};
// Clip, Relu, HardSigmoid, Min and Max with numbers, or a sum that clamps; empty where v is none.
std::optional<Ramp> ramp_of(Value* v);

// factor * v[0] * v[1] * ...
struct Product {
  double factor = 1;
  std::vector<Value*> values;
};
// The tree of Mul (and of Div by numbers) whose root makes v; empty where it has over four leaves.
std::optional<Product> product_of(Value* v);

// Coefficients of 1, x, x^2, x^3; empty where v is no such polynomial of x.
using Polynomial = std::vector<double>;
std::optional<Polynomial> polynomial_of(const Value* v, const Value* x);

// Equal but for the rounding of a constant to float.
bool is_near(double value, double expected);

}  // namespace bantam
