// SPDX-License-Identifier: Apache-2.0
// Step sizes for the weights of all layers: how much each layer's rounding moves the outputs is measured,
// and one common factor turns that into steps of a given quality.
//
//   TRY(StepSearch search, StepSearch::measure(graph, samples, options, selected, progress));
//   TRY(const double error, search.choose(error_at(20)));
//   search.annotate();
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "quant/output_error.h"
#include "quant/rounded_layer.h"

namespace bantam {

struct StepOptions {
  int bits = 8;      // of the largest weight, at most
  int samples = 16;  // that the error is measured on
  int small = 256;   // tensors of fewer elements stay as they are
  bool compensated = false;  // weights are rounded by their moments, not to the nearest
  int threads = 1;
  bool operator==(const StepOptions&) const = default;
};

class StepSearch {
 public:
  // The graph must outlive it. It is changed while something is measured, and as it was in between.
  static Result<StepSearch> measure(Graph& graph, SampleSource& data, const StepOptions& options,
                                    const std::function<bool(const Node&)>& selected,
                                    const std::function<void(double)>& progress);

  // Whether the same was measured already, on this graph or another one with the same weights; then this one is
  // meant from here on.
  bool attach(Graph& graph, const StepOptions& options, const std::function<bool(const Node&)>& selected,
              const std::function<void(double)>& progress);

  size_t layers() const { return layers_.size(); }
  // Finds the coarsest steps whose error (see OutputError) is at most `wanted`, and says what it is; the
  // finest ones where none do.
  Result<double> choose(double wanted);
  // Writes the steps that were chosen to the weights.
  void annotate();

 private:
  struct Layer {
    Value* weight;
    Node* node;
    std::shared_ptr<const Tensor> constant;  // of the weight
    std::string weight_name;
    int axis;
    double rms, most, count, sensitivity = 0;
    std::optional<RoundedLayer> moments;
  };
  StepSearch(Graph& graph, const StepOptions& options) : graph_(&graph), options_(options) {}
  static std::vector<Layer> layers_of(Graph& graph, const StepOptions& options, const std::function<bool(const Node&)>& selected);
  Result<void> measure_moments(SampleSource& data);
  Result<void> measure_alone();
  double step_of(const Layer& layer) const;
  Quant quant_of(const Layer& layer, double step) const;
  Result<double> error_with(const std::vector<Layer*>& rounded, double step = 0);
  Result<double> error_at_factor(double log_factor);

  Graph* graph_;
  StepOptions options_;
  std::vector<Layer> layers_;
  OutputError error_;
  double log_factor_ = 0;
  std::function<void(double)> progress_;
};

}  // namespace bantam
