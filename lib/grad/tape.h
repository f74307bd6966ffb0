// SPDX-License-Identifier: Apache-2.0
// What rules of differentiation are written with: gradients that are known so far, and short names
// for the nodes that rules are made of. A rule never checks for failures: where a node cannot be
// made the tape remembers why, and everything after it is null.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace bantam {

class Tape {
 public:
  Tape(Graph& graph, std::set<const Value*> wanted) : graph_(graph), wanted_(std::move(wanted)) {}

  // The gradient with respect to a value; null where nothing depends on it.
  Value* of(const Value* v) const;
  // Whether anybody asks for the gradient with respect to v.
  bool wants(const Value* v) const { return v && wanted_.count(v) > 0; }
  // Adds to the gradient with respect to v; summed along axes of v that the operator has broadcast.
  void add(Value* v, Value* gradient);

  Value* make(const char* op, const std::vector<Value*>& inputs, AttrList attrs = {});
  // Where the elements of a MaxPool's result were: its second output, from another node like it.
  Value* places(const Node& max_pool);
  Value* number(float v);
  Value* floats(Shape shape, const std::vector<float>& values);
  Value* ints(const std::vector<int64_t>& values);
  Value* plus(Value* a, Value* b) { return make("Add", {a, b}); }
  Value* minus(Value* a, Value* b) { return make("Sub", {a, b}); }
  Value* times(Value* a, Value* b) { return make("Mul", {a, b}); }
  Value* over(Value* a, Value* b) { return make("Div", {a, b}); }
  Value* transposed(Value* x, std::vector<int64_t> perm) {
    return make("Transpose", {x}, {{"perm", std::move(perm)}});
  }
  Value* reshaped(Value* x, const Shape& shape);
  Value* sliced(Value* x, const std::vector<int64_t>& starts, const std::vector<int64_t>& ends,
                const std::vector<int64_t>& axes, const std::vector<int64_t>& steps);
  // Zeros around x: numbers for the begin of each axis, then for the ends.
  Value* padded(Value* x, const std::vector<int64_t>& pads);
  Value* summed(Value* x, const std::vector<int64_t>& axes, bool keep = true);
  Value* averaged(Value* x, const std::vector<int64_t>& axes);
  Value* broadcast(Value* x, const Shape& shape);
  // d where lo < x < hi, else 0. Infinite bounds are not looked at.
  Value* inside(Value* x, float lo, float hi, Value* d);
  // The gradient of a result with a fused clamp, in front of that clamp.
  Value* through_clamp(const Node& n);

  const std::optional<Error>& error() const { return error_; }

 private:
  Graph& graph_;
  std::set<const Value*> wanted_;
  std::map<const Value*, Value*> gradients_;
  std::optional<Error> error_;
};

// One operator: whether the rule takes a node, and the rule. It reads tape.of(outputs) and adds to
// inputs.
struct GradientRule {
  const char* op;
  bool (*fits)(const Node& n);
  void (*run)(Tape& tape, const Node& n);
};
using GradientRules = std::vector<GradientRule>;
const GradientRules& convolution_rules();
const GradientRules& elementwise_rules();
const GradientRules& matrix_rules();
const GradientRules& move_rules();
const GradientRules& norm_rules();
const GradientRules& pool_rules();

inline const Shape& shape_of(const Value* v) { return *v->shape; }

}  // namespace bantam
