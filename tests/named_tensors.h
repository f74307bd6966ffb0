// SPDX-License-Identifier: Apache-2.0
// Tensors by name, as the golden files of operators give them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ir/graph.h"

namespace bantam {

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

// "%x = [...]" and "%x : f32[2] = [...]" lines; a missing type is that of the graph's value.
Result<NamedTensors> parse_tensors(const std::string& text, const Graph* graph);

}  // namespace bantam
