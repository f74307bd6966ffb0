// SPDX-License-Identifier: Apache-2.0
// Random inputs for graphs under test.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "quant/calibration.h"

namespace bantam {

// Unknown lengths become 2. Integers are small and not negative.
std::vector<Tensor> random_inputs(const Graph& graph);

// Samples for passes that calibrate: the same random inputs, a few times.
class RandomSamples : public SampleSource {
 public:
  explicit RandomSamples(const Graph& graph) : inputs_(random_inputs(graph)) {}
  int64_t count() const override { return 1; }
  Result<std::vector<Tensor>> at(int64_t) override { return inputs_; }
  std::string hash() const override { return "random"; }

 private:
  std::vector<Tensor> inputs_;
};

}  // namespace bantam
