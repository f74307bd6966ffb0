// SPDX-License-Identifier: Apache-2.0
// Pieces of a graph that are learned one after the other: runs of nodes between values that alone
// carry everything over, as between residual blocks.
#pragma once

#include <functional>
#include <vector>

#include "ir/graph.h"

namespace bantam {

struct Block {
  std::vector<Node*> nodes;     // neighbours in the order of execution
  std::vector<Value*> inputs;   // made before, read inside; no constants
  std::vector<Value*> outputs;  // made inside, read behind, or outputs of the graph
};

// All nodes, in order. A block ends behind at least `products` nodes that `counts` holds for, at
// the next place that one value crosses; where there is none before three times as many, at the one
// in between that the fewest values cross. What only makes chances of scores (Softmax) at the end
// of the graph is a block of its own: a distance between chances says little about most samples.
std::vector<Block> blocks_of(const Graph& graph, int products,
                             const std::function<bool(const Node&)>& counts);

}  // namespace bantam
