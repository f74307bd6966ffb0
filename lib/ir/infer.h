// SPDX-License-Identifier: Apache-2.0
// Type and shape inference. The rules are the operators' own (bt_op.infer), the same that the device
// uses; here lengths may be unknown. Small values that depend on shapes only are computed on the
// way, wholly where all lengths are known (Value::known), in parts otherwise (Value::partial).
#pragma once

#include "base/result.h"
#include "ir/graph.h"

namespace bantam {

// Sets type, shape and what is known of the outputs of one node. Checks the node against its operator
// (numbers of inputs and outputs, required attributes); failures name the node.
Result<void> infer_node(Graph& graph, Node& node);
// All nodes in order.
Result<void> infer_graph(Graph& graph);
// A copy for inputs of these shapes, which are in the order of graph.inputs().
Result<Graph> with_input_shapes(const Graph& graph, const std::vector<Shape>& shapes);

}  // namespace bantam
