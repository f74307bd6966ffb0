// SPDX-License-Identifier: Apache-2.0
// How long a graph takes on a device, by what its nodes do: each kind of work costs so much a call, a
// step and a byte there. The costs are measured (device/calibration.h); the estimate is arithmetic, so
// that the same graph always gets the same time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace bantam {

// What one node does.
struct Work {
  std::string arithmetic;  // float, int8, int16: what its first input holds
  std::string kind;        // one of work_kinds()
  double steps = 0;        // multiply-adds; of pooling: elements that are looked at
  double bytes = 0;        // of operands and results; of convolutions without their weights
};

const std::vector<std::string>& arithmetics();
const std::vector<std::string>& work_kinds();

// Which of them a node computes in.
std::string arithmetic_of(const Node& node);
// Nothing where nothing is computed (views). Lengths must be known.
std::optional<Work> work_of(const Node& node);

// Of one kind of work, in one arithmetic; nothing below zero.
struct Cost {
  double call_us = 0, step_ns = 0, byte_ns = 0;
};

struct CostModel {
  double run_us = 0;  // of a run, whatever the graph
  std::map<std::string, std::map<std::string, Cost>> costs;  // by arithmetic, and by kind

  bool empty() const { return costs.empty(); }
  // Of an If the longer branch counts, the bodies of Loop and Scan once. Both fail (unsupported) where a cost is not known.
  Result<double> microseconds(const Node& node) const;
  Result<double> milliseconds(const Graph& graph) const;
};

}  // namespace bantam
