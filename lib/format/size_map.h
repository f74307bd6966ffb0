// SPDX-License-Identifier: Apache-2.0
// Every byte of a model file has an owner.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bantam {

// One owner of bytes; the rows of a file add up to its size.
struct SizeRow {
  std::string name;  // a constant's name, or "(graph)", "(scales)", ...
  std::string kind;  // how a constant is stored
  uint64_t bytes = 0;
};

}  // namespace bantam
