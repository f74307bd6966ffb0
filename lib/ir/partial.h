// SPDX-License-Identifier: Apache-2.0
// Small integer tensors of which some elements are known: what exporters compute with Shape, Gather,
// Concat and their like before a Reshape.
#pragma once

#include "ir/graph.h"

namespace bantam {

// Sets Value::partial of output 0 where the operator is one of those and something is known.
void learn_partial(Node& node);

}  // namespace bantam
