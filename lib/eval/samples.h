// SPDX-License-Identifier: Apache-2.0
// Arrays of many samples against a model that takes one (or a fixed batch) at a time.
//
// An array with the rank of the input is cut along its first axis into pieces of the input's length
// there; an array with one axis more gives one sample per entry of its first axis. An array that fits
// the input as it is, beside others that hold several samples, is used for each of them. Outputs are
// put together the same way: concatenated along the first axis, or stacked.
#pragma once

#include <span>
#include <vector>

#include "eval/session.h"

namespace bantam {

class Samples {
 public:
  // Checks the arrays (one per port, in order) against the ports; fails with the port's name.
  static Result<Samples> cut(std::vector<Tensor> arrays, const std::vector<Port>& ports);
  int64_t count() const { return count_; }
  // Inputs of sample i.
  std::vector<Tensor> at(int64_t i) const;
  // Outputs must be stacked on a new axis (arrays had one axis more) rather than concatenated.
  bool stacked() const { return stacked_; }

 private:
  enum class Kind { shared, sliced, entry };
  struct Source {
    Tensor array;
    Kind kind;
    int64_t step;  // length of a slice
  };
  std::vector<Source> sources_;
  int64_t count_ = 1;
  bool stacked_ = false;
};

// Runs all samples and joins the outputs. Inputs of unknown batch length are run at once where the
// activations stay below `max_bytes`, else in pieces.
Result<std::vector<Tensor>> run_samples(Session& session, std::vector<Tensor> arrays, size_t max_bytes);

// Joins outputs of several runs; shapes must agree (outside the first axis where concatenated).
Result<Tensor> join_outputs(std::span<const Tensor> parts, bool stacked);

}  // namespace bantam
