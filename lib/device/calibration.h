// SPDX-License-Identifier: Apache-2.0
// Measuring a device: small models that do one kind of work each, and the costs that their times give.
// The models are files like all others, so that whatever runs them can be measured in the same way.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "device/cost.h"

namespace bantam {

struct CalibrationCase {
  std::string name;  // "int8_window_32x32x16"; also of its file
  std::string text;  // of the graph (ir/text.h)
};
// All of them, in the order in which they are measured. The first one does next to nothing: its time is
// that of a run as such.
std::vector<CalibrationCase> calibration_cases();

struct CalibrationTime {
  std::string name;  // of a case
  double us = 0;     // of a run
};
// Costs by least squares. Cases may be missing, the first one too; kinds without
// any then have no cost. An error of code usage where a name is none, or a time is not positive.
Result<CostModel> fit_costs(std::span<const CalibrationTime> times);

// What a case's graph does, all nodes together.
struct CaseWork {
  std::string arithmetic, kind;
  double calls = 0, steps = 0, bytes = 0;
};
CaseWork case_work(const Graph& graph);

// The costs that explain the times best, none of them below zero.
struct CostSample {
  double calls = 0, steps = 0, bytes = 0, us = 0;
};
Cost fit_cost(std::span<const CostSample> samples);

}  // namespace bantam
