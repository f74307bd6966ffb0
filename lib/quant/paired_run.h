// SPDX-License-Identifier: Apache-2.0
// Computes a graph twice, in float and with its annotated values rounded, node by node and for
// several samples at once. A pass that walks along sees what rounding has done so far to the operands
// of a node, may change the node, and lets it be computed again: one walk costs about two runs of the
// model per sample, where measuring every layer by whole runs would cost that for each layer.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "quant/calibration.h"

namespace bantam {

enum class Side { real, rounded };

// Constants as they were before a pass rounded them, by name: what the real side computes with.
using Originals = std::map<std::string, std::shared_ptr<const Tensor>>;

class PairedRun {
 public:
  // Reads up to `most` samples, spread over the source; fewer where their values would take more
  // than about a gigabyte. The originals must outlive it.
  static Result<PairedRun> start(const Graph& graph, SampleSource& source, int64_t most,
                                 int threads, const Originals& originals);

  size_t samples() const { return all_.size(); }
  // The first output of a node whose operands are there: a tensor for each sample, or for some of
  // them. On the rounded side constants are rounded as annotated, but not the result.
  Result<std::vector<Tensor>> compute(const Node& node, Side side) const;
  Result<std::vector<Tensor>> compute(const Node& node, Side side,
                                      const std::vector<size_t>& samples) const;
  // The same without the clamp of the node, over all samples.
  Result<std::vector<Tensor>> compute_open(const Node& node, Side side) const;
  // For every node in order: computes it on one side and keeps the results, rounded where annotated;
  Result<void> settle(const Node& node, Side side);
  // ... or keeps what a node with one output was found to give;
  void settle(const Node& node, Side side, std::vector<Tensor> results);
  // ... and, when both sides are settled, forgets the values that nobody needs any more.
  void leave(const Node& node);
  // A value of the graph, until its last reader was left; outputs stay.
  const std::vector<Tensor>& at(const Value* value, Side side) const;
  // Noise over signal at the outputs of the graph, the mean over those of floats.
  double error_at_outputs(const Graph& graph) const;
  // The same for another graph with these outputs, run as a whole on the same samples.
  Result<double> error_of(const Graph& graph, SampleSource& source) const;

 private:
  using Values = std::unordered_map<const Value*, std::vector<Tensor>>;
  enum class Form { whole, unrounded, open };  // of results: rounded as annotated; not; nor clamped
  Result<std::vector<std::vector<Tensor>>> run(const Node& node, Side side, Form form,
                                               const std::vector<size_t>& samples) const;
  static int64_t place(int64_t sample, int64_t samples, const SampleSource& source) {
    return sample * source.count() / samples;
  }
  const Tensor& constant(const Value& v, Side side) const;

  int threads_ = 1;
  std::vector<size_t> all_;  // 0, 1, ...
  std::vector<Value*> outputs_;  // of the graph
  const Originals* originals_ = nullptr;
  Values real_, rounded_;
  std::unordered_map<const Value*, size_t> readers_left_;
};

// Sum of squared differences, and of squares of `want`: the two sides of a signal-to-noise ratio.
struct SquaredError {
  double noise = 0, signal = 0;
  double ratio() const { return signal > 0 ? noise / signal : 0; }
};
SquaredError squared_error(const std::vector<Tensor>& got, const std::vector<Tensor>& want);

}  // namespace bantam
