// SPDX-License-Identifier: Apache-2.0
// Runs a graph over the calibration samples and collects the distribution of every float value. Memory
// hardly grows with the number of samples: by one set of histograms each time it doubles.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "eval/samples.h"
#include "quant/histogram.h"
#include "quant/range_check.h"

namespace bantam {

// Calibration samples, as a source that can be read more than once.
class SampleSource {
 public:
  virtual ~SampleSource() = default;
  virtual int64_t count() const = 0;
  // The model's inputs for sample i, in the order of the content hashes: results never depend on the order
  // in which samples are stored.
  virtual Result<std::vector<Tensor>> at(int64_t i) = 0;
  virtual std::string hash() const = 0;  // of the set, over the sorted hashes of its samples
};

// A copy of the graph for inputs with the lengths of the first sample, where they are open.
Result<Graph> with_lengths_of(SampleSource& source, const Graph& graph);

struct Calibration {
  std::map<std::string, Histogram> values;  // by name
  int64_t samples = 0;
  // The same by parts of the samples: 1, 1, 2, 4 ... up to half of them, then the other half. Their
  // order is that of their hashes: halves are as good as drawn by lot, and the same for the same set.
  struct Part {
    int64_t samples = 0;
    std::map<std::string, Histogram> values;
  };
  std::vector<Part> parts;
  void add(Part part);
  std::optional<RangeCheck> range_check;  // made by `check-ranges`
  std::vector<std::vector<double>> powers;  // of each sample: sums of squares of the float outputs
};

Result<std::shared_ptr<Calibration>> collect(const Graph& graph, SampleSource& source, int threads,
                                             const std::function<void(double fraction)>& progress);

}  // namespace bantam
