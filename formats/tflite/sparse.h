// SPDX-License-Identifier: Apache-2.0
// Constants of which most elements are zero, as a .tflite file holds them: the others in rows along the
// last axis, each with its place in the row. DENSIFY makes a dense tensor of it, once.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "ir/tensor.h"

namespace bantam {

struct SparseForm {
  Bytes values;                    // elements that are not zero, row by row
  std::vector<int64_t> segments;   // where each row begins among them, and where the last one ends
  std::vector<int64_t> indices;    // their places in the rows
  uint64_t bytes = 0;              // of the three, lists in the narrowest type that holds them
};

// Of elements of `size` bytes, of which those with all bits 0 are zero; empty where it saves less than a
// tenth, or for few bytes.
std::optional<SparseForm> sparse_form(const Bytes& data, size_t size, const Shape& shape);

}  // namespace bantam
