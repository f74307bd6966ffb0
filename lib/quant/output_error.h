// SPDX-License-Identifier: Apache-2.0
// How far a graph's outputs are from those of a reference, on a few samples: what passes that search
// (steps, precision) minimise. Needs no labels.
#pragma once

#include <vector>

#include "ir/graph.h"
#include "quant/calibration.h"

namespace bantam {

struct ErrorOptions {
  int64_t samples = 8;
  int threads = 1;
  // Compares chances that add up to 1 (what a softmax makes) by their logarithms: of a sample of which the
  // model is certain the chances themselves say nothing, so that it takes many samples to learn something
  // from them.
  bool scores = false;
  // Knows on which samples the outputs are next to nothing, as a detector's on an empty picture: others are
  // preferred. Without it samples are spread evenly.
  const Calibration* calibration = nullptr;
};

class OutputError {
 public:
  static Result<OutputError> of_reference(const Graph& reference, SampleSource& source, const ErrorOptions& options);

  // Power of the difference over power of the signal, the mean over the float outputs; annotated values
  // are rounded. 1 where an output has another shape than the reference's (a number of boxes, say).
  Result<double> of(const Graph& graph) const;
  // The same for outputs that were made of the first of the samples.
  double of_outputs(const std::vector<std::vector<Tensor>>& outputs) const;
  const std::vector<std::vector<Tensor>>& samples() const { return samples_; }  // inputs of each

 private:
  int threads_ = 1;
  bool scores_ = false;
  std::vector<std::vector<Tensor>> samples_, wanted_;
};

// Signal to noise in dB for such an error, and back.
double decibels(double error);
double error_at(double decibels);

}  // namespace bantam
