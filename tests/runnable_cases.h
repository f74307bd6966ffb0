// SPDX-License-Identifier: Apache-2.0
// Cases of the operators' golden files as graphs with inputs and outputs, for tests that bring a
// graph into another form and back.
#pragma once

#include <optional>
#include <vector>

#include "golden.h"
#include "ir/graph.h"

namespace bantam {

struct RunnableCase {
  Graph graph;
  std::vector<Tensor> inputs, outputs;
};

// A case that computes something which two runs agree on; empty for others.
std::optional<RunnableCase> runnable(const GoldenCase& c);

}  // namespace bantam
