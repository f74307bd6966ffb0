// SPDX-License-Identifier: Apache-2.0
// Which layer costs how much at the outputs, why, and what would repair it.
//
// Every layer's rounding is put on the float model alone and measured at the model's outputs; the parts are
// noise powers, which add up where errors are independent of each other. The report states their sum beside
// the error measured with all of them together.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "quant/paired_run.h"

namespace bantam {

struct BudgetRow {
  std::string layer;           // first output of the node
  double noise = 0;            // over signal at the outputs, with this layer alone rounded
  double weights_noise = 0;    // with its weights alone rounded
  double share = 0;            // of the sum of all rows
  double gain_db = 0;          // at the outputs, if this layer were kept in float
  std::string cause;           // in words; "" where the share is small
  std::vector<std::string> activations;  // that it is the first to read as integers
};

struct ErrorBudget {
  std::vector<BudgetRow> rows;  // of layers that round, in order of execution; of very many, the noisiest
  double sum = 0;               // of the noise of all layers
  double measured = 0;          // noise over signal with everything rounded
  int64_t samples = 0;
};

struct BudgetOptions {
  int64_t samples = 0;  // 0: 1 to 32, fewer for models that take longer
  size_t layers = 200;  // so many that each is measured; of more, the noisiest are found by halves
  int threads = 1;
  const Calibration* calibration = nullptr;  // for the causes; may be null
  const Originals* originals = nullptr;      // weights before passes rounded them; may be null
  std::function<void(double fraction)> progress;
};

// `annotated` is the graph before lower-to-integer: its activations and weights carry the scales that will
// be used, and weights may be rounded already. A rounded activation belongs to the first layer that reads it as integers.
Result<ErrorBudget> error_budget(const Graph& annotated, SampleSource& source, const BudgetOptions& options);

}  // namespace bantam
