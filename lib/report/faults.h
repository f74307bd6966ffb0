// SPDX-License-Identifier: Apache-2.0
// What is wrong with a model that some tool has quantized, as far as its graph shows it: the usual reasons
// why such a file is slower, larger or less accurate than its maker meant.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"

namespace bantam {

// One sentence each, on the graph as it was read: what, where, and what it costs. Empty for sound models.
std::vector<std::string> faults_of(const Graph& graph);

}  // namespace bantam
