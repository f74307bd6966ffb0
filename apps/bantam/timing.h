// SPDX-License-Identifier: Apache-2.0
// Times of a model's runs on this machine, for `bench` and for budgets of latency.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "eval/session.h"

namespace bantam {

// Milliseconds since some moment: of the clock, and of all threads of this process.
double wall_ms();
double cpu_ms();

// Uniform inputs: floats in -1..1, whole numbers 0 or 1; open lengths become 1, or 128, where
// `shapes` does not name the input.
std::vector<Tensor> random_inputs(const Session& session, const std::map<std::string, Shape>& shapes = {});

struct RunTimes {
  std::vector<double> wall, cpu;  // of each run, in milliseconds
};
// Runs for so long, but at least `runs` times.
Result<RunTimes> time_runs(Session& session, const std::vector<Tensor>& inputs, double seconds, size_t runs);

// The value below which a fraction of them lies; 0.5: the median.
double at_fraction(std::vector<double> values, double fraction);

}  // namespace bantam
