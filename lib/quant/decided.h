// SPDX-License-Identifier: Apache-2.0
// Outputs that hang on decisions: boxes that NonMaxSuppression kept, entries that TopK put in order, places that
// ArgMax found. A little noise decides otherwise here and there, and then the numbers behind are others, or
// more of them. That says little of the noise; what the decisions were made on says it.
#pragma once

#include <optional>

#include "ir/graph.h"

namespace bantam {

// A copy whose outputs that hang on decisions are replaced by the floats that the decisions, and what is
// behind them, are made of. None where no output does, or where there are no such floats.
std::optional<Graph> before_decisions(const Graph& graph);

}  // namespace bantam
