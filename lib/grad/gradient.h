// SPDX-License-Identifier: Apache-2.0
// Reverse-mode differentiation: appends to a graph the nodes that compute its gradients. They are
// ordinary nodes and run on the device's kernels, so that gradients are the same bits on every
// machine and for every number of threads, as everything else is.
//
//   TRY(auto gradients, add_gradients(graph, {{y, dy}}, {w, b}));
//   graph.add_output(gradients[0]);   // d(sum of y * dy) / dw
#pragma once

#include <vector>

#include "ir/graph.h"

namespace bantam {

// Whether add_gradients can pass this node: its operator has a rule, and the rule takes these
// attributes, the layout (channels last for images) and the shapes, all of which must be known.
bool has_gradient(const Node& node);

// A value, and the gradient of what is minimised with respect to it: of the same shape.
struct GradientSeed {
  Value* value;
  Value* gradient;
};

// For each of `wanted` (inputs of the graph, floats) its gradient, of the same shape; null where no
// seed depends on it. Fails (unsupported) where a node in between has no gradient. Rounding
// (FakeQuantize) is passed as if it were not there, but for what it clips.
Result<std::vector<Value*>> add_gradients(Graph& graph, const std::vector<GradientSeed>& seeds,
                                          const std::vector<Value*>& wanted);

}  // namespace bantam
