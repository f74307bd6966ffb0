// SPDX-License-Identifier: Apache-2.0
// Two forms of one model side by side: the one under judgement is given the inputs and outputs of
// the reference, so that both take the same samples.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"

namespace bantam {

// Names (by place, where they differ), the order of axes of pictures, floats in place of quantized
// integers, and i64 in place of i32. What cannot be matched stays as it is. Returns what was
// changed, one sentence each.
Result<std::vector<std::string>> align_borders(Graph& graph, const Graph& reference);

}  // namespace bantam
