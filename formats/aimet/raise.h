// SPDX-License-Identifier: Apache-2.0
// A graph of integers as the float graph that it came from, with its rounded weights, and what is known of the steps.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"

namespace bantam::aimet {

// How a value of the float graph is to be stored.
struct Encoding {
  std::string name;
  std::shared_ptr<const Quant> quant;
  bool parameter = false;
};

//   %q : i8 = Quantize(%x); %c : i8 = Conv(%q, %w : i8)   =>   %c = Conv(%x, %w), with encodings of x, w and c
Result<std::vector<Encoding>> raise(Graph& graph);

}  // namespace bantam::aimet
