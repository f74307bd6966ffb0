// SPDX-License-Identifier: Apache-2.0
// How much noise each part of a graph makes at the outputs when it alone is rounded. What stands
// before a part is the same for all of them: it is computed once, and each measurement runs only
// what comes behind.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "quant/output_error.h"

namespace bantam {

// Annotated values that are rounded together, the others being exact.
struct RoundedPart {
  std::set<std::string> values;
  // What constants of the part hold, where that is not simply their rounded numbers.
  std::map<std::string, std::shared_ptr<const Tensor>> numbers;
};

// For each part what `error` counts on its samples, less what it counts with nothing rounded.
Result<std::vector<double>> noise_alone(const Graph& annotated, const OutputError& error,
                                        const std::vector<RoundedPart>& parts, int threads,
                                        const std::function<void(double fraction)>& progress);

}  // namespace bantam
