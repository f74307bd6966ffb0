// SPDX-License-Identifier: Apache-2.0
// What may leave the 8 bits of a quantized graph: its values, and the weights of its products. Each
// is rounded alone, all else being exact, and listed with the noise that it makes at the outputs and
// the multiply-adds that more bits would cost.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "quant/calibration.h"
#include "quant/output_error.h"

namespace bantam {

// Values with all that share their scale, or the weight of a layer.
struct Suspect {
  std::vector<std::string> names;          // of the values, or the output of the layer
  std::map<std::string, double> products;  // that more bits would cost, with their shares of all
  double noise = 0;                        // at the network's outputs, when it alone is rounded

  double share() const;
  // The noise that a part of the multiply-adds in more bits takes away.
  double worth() const;
};

struct NoiseOptions {
  const OutputError* error;  // that measures
  double rate = 1;           // by which its noise is multiplied
  int threads = 1;
  std::function<void(double fraction)> progress;
  double least_share = 0, most_share = 1e9;  // of the multiply-adds; others are not measured
};

class PrecisionSuspects {
 public:
  // Of a graph before it is annotated; both must outlive it.
  PrecisionSuspects(const Graph& graph, const Calibration& calibration);

  // Of the multiply-adds, which layer `n` makes.
  double share_of(const Node& n) const { return products_of(n) / products_; }

  // On how many samples all may be measured: time must not grow with the square of a network's depth.
  int64_t affordable_samples() const;

  // Of the same graph, annotated; those of most worth first.
  Result<std::vector<Suspect>> values(const Graph& annotated, const NoiseOptions& options) const;
  // Those values as what stays in float with them: nodes that make and read them, by their first
  // outputs. Their share is that of all products that a runtime then computes in float.
  std::vector<Suspect> in_float(const Graph& annotated, const std::vector<Suspect>& values) const;
  // `numbers`: what weights will hold, by name, where they are not rounded to the nearest.
  Result<std::vector<Suspect>> weights(
      const Graph& annotated, const std::map<std::string, std::shared_ptr<const Tensor>>& numbers,
      const NoiseOptions& options) const;

 private:
  struct Group;
  double products_of(const Node& n) const;
  std::vector<Group> groups_of(const Graph& annotated) const;

  const Calibration& calibration_;
  double products_ = 0;  // multiply-adds per sample
  int layers_ = 0;       // that have some
};

}  // namespace bantam
