// SPDX-License-Identifier: Apache-2.0
// Learns constants of one block, so that its results on calibration samples come close to what the
// float model has there, from the inputs that the rounded layers before leave it (Li et al.,
// "BRECQ", 2021). No labels are needed: the float model is the teacher.
#pragma once

#include <functional>
#include <memory>

#include "learn/block_graph.h"
#include "learn/parameter.h"
#include "quant/paired_run.h"

namespace bantam {

struct LearnOptions {
  int steps = 500;
  int batch = 8;  // samples for each
  double rate = 0.01;
  uint64_t seed = 0;
  int threads = 1;
};

// The noise of the block's results over what it was with the constants as they stand: the mean over
// results.
struct LearnedNoise {
  double before = 0, after = 0;  // on the samples that judge
};

using Parameters = std::vector<std::unique_ptr<Parameter>>;

// The real side of the run must hold the block's outputs, the rounded side its inputs. Moves the
// parameters; the graph stays as it is. Fails (unsupported) where the block cannot be learned: see
// BlockGraph, and samples must have the same lengths.
Result<LearnedNoise> learn_block(const PairedRun& run, const Block& block, Parameters& parameters,
                                 const std::vector<size_t>& teachers,
                                 const std::vector<size_t>& judges, const LearnOptions& options,
                                 const std::function<void(double fraction)>& progress);

}  // namespace bantam
