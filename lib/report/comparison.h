// SPDX-License-Identifier: Apache-2.0
// Runs two models on the same samples and fills the report: outputs, the task's metric, layers, cost.
#pragma once

#include <functional>

#include "data/dataset.h"
#include "eval/session.h"
#include "report/report.h"

namespace bantam {

struct ComparisonOptions {
  int64_t layer_samples = 8;  // samples on which every layer is compared; 0: none
  bool cost = true;           // measure latency and memory
  int64_t strips = 0;         // samples of which pictures are kept
  double drop_budget = 0.01;  // of the metric, where it counts right answers
  std::function<void(double fraction)> progress;
};

// Inputs and outputs are matched by name; `layers` of the report may hold rows already (by name), which then
// get their error. Fails where the models do not have the same inputs and outputs.
Result<void> compare_sessions(Session& reference, Session& model, Dataset& data, const ComparisonOptions& options,
                              Report& report);

}  // namespace bantam
