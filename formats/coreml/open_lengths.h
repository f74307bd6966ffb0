// SPDX-License-Identifier: Apache-2.0
// Lengths that the program learns when it runs, such as the height of a picture: which nodes may see
// them, and what an application is told about them.
#pragma once

#include <string>

#include "ir/graph.h"

namespace bantam::coreml {

// The format wants a range with an end. Nothing is allocated for the largest length.
constexpr int64_t kLongest = 4096;
// What tools take as the length where they need one.
constexpr int64_t kUsual = 256;

// Why a node of these operands cannot be written; "": it can. All lengths that it depends on itself
// are known, and the others may be anything.
std::string refusal_of_open_lengths(const Node& node);

}  // namespace bantam::coreml
