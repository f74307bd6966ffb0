// SPDX-License-Identifier: Apache-2.0
// The invariants of a graph, each with its own message. Passes keep them; tests and --verify-each check.
#pragma once

#include "base/result.h"
#include "ir/graph.h"

namespace bantam {

// Code internal where one is broken.
Result<void> verify(const Graph& graph);

}  // namespace bantam
