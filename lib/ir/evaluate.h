// SPDX-License-Identifier: Apache-2.0
// Runs one node on given tensors, with the kernels of the device: constant folding and shape
// arithmetic.
#pragma once

#include <vector>

#include "base/result.h"
#include "ir/graph.h"

namespace bantam {

// All inputs that the node has must be constants or known values. `max_bytes` bounds the outputs and
// what is needed to compute them.
Result<std::vector<Tensor>> evaluate_node(const Node& node, size_t max_bytes);

// A bantam Error out of a runtime status and its message.
Error runtime_error(bt_status status, const std::string& message);

}  // namespace bantam
