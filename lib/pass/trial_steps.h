// SPDX-License-Identifier: Apache-2.0
// The steps that will follow a pass, for its trials on copies of a graph. The rounding of a weight
// hardly depends on what has how many bits elsewhere: `round-weights` runs once, and what it found
// serves all trials.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pass/pass.h"
#include "pass/recipe.h"

namespace bantam {

class TrialSteps {
 public:
  static Result<TrialSteps> of(const Graph& graph, std::string_view recipe,
                               const PassContext& ctx);

  // On a copy of that graph.
  Result<void> run(Graph& copy, PassContext& ctx) const;
  // What the weights were rounded to, by name.
  const Originals& rounded_numbers() const { return numbers_; }

 private:
  void round_weights(Graph& copy, Originals& originals) const;

  std::vector<Step> first_, later_;  // before and behind round-weights
  std::map<std::string, std::shared_ptr<const Quant>> quants_;  // of the rounded weights
  Originals numbers_;
};

}  // namespace bantam
