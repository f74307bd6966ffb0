// SPDX-License-Identifier: Apache-2.0
// Small questions that patterns are made of, and the edit that most fusions end with. A pattern is
// written from its last node upwards: `made_by(v, "Sqrt")`, `only_user(v)`, `number_of(v)`.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace bantam {

// The node that makes v, where it is of that operator; null otherwise.
Node* made_by(const Value* v, std::string_view op);
// The one node that reads v (perhaps twice); null where there are others, or v leaves the graph.
Node* only_user(const Value* v);

// A constant of one element.
std::optional<double> number_of(const Value* v);
// All elements of an integer constant (or of a value that shape inference knows).
std::optional<std::vector<int64_t>> integers_of(const Value* v);

// The operands of a node with two inputs: one that is computed, and a constant without
// annotations. For operators whose order matters look at node.input(1).
struct ConstantOperand {
  Value* x = nullptr;
  Value* constant = nullptr;
};
std::optional<ConstantOperand> constant_operand(const Node& node);

// A clamp is fused into the node: lo or hi is set.
bool has_clamp(const Node& node);

// Both have the same lengths in every run.
bool same_shape(const Value* a, const Value* b);
// Stored alike: the type, and the annotation.
bool same_type(const Value* a, const Value* b);

// What a Reshape of x must be given for a result of out's shape: 0 where a length is copied, at
// most one -1. Empty where constants cannot say it.
std::optional<Shape> reshape_target(const Value* x, const Value* out);

// `value` takes over from `old_value`: its readers, its place among the outputs, and its name.
void take_over(Graph& graph, Value* old_value, Value* value);
// The node reads other numbers in place of a constant that it alone reads; that one goes, and its
// name, with the suffix behind it, names the new one.
void replace_constant(Graph& graph, Node* node, int index, Tensor data, std::string_view suffix);
// For values that are equal: readers of `old_value` read `value`. Names of outputs stay; where both
// values have a name to keep, `old_value` stays an output. True: something was changed.
bool read_instead(Graph& graph, Value* old_value, Value* value);

}  // namespace bantam
