// SPDX-License-Identifier: Apache-2.0
// How the values of the activations that cost most are spread, and which range of them the integers cover.
#pragma once

#include <vector>

#include "quant/calibration.h"
#include "report/error_budget.h"
#include "report/report.h"

namespace bantam {

// Of the layers with the largest shares of the noise, worst first, at most `most` activations of those that
// they round, each once even where a node moves it. `annotated` and `budget` belong together (report/error_budget.h).
std::vector<Distribution> worst_distributions(const Graph& annotated, const Calibration& calibration, const ErrorBudget& budget, size_t most);

}  // namespace bantam
