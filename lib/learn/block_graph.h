// SPDX-License-Identifier: Apache-2.0
// A block as a graph of its own, for several samples at once, that computes its results or what
// learning needs: the gradients of the squared distance to wanted results with respect to some of
// its constants.
#pragma once

#include <optional>
#include <span>

#include "eval/session.h"
#include "learn/blocks.h"

namespace bantam {

struct BlockShapes {
  std::vector<Shape> inputs;  // of one sample
  int64_t batch = 1;          // samples, one behind the other along the first axis
};

class BlockGraph {
 public:
  // Inputs in order: the block's inputs; the constants of `open`; with `factors`, what each output
  // should be. Outputs: the block's outputs; or, with `factors` (one for each output), the
  // gradients of the sum of factor / 2 * (squared distance) with respect to `open`. Values inside
  // that are annotated are rounded, the block's outputs are not. Fails (unsupported) where an
  // operator has no gradient, where that would take more than about a gigabyte, or where a batch
  // of samples is not what the block makes of them one by one.
  static Result<BlockGraph> make(const Block& block, const std::vector<Value*>& open,
                                 const BlockShapes& shapes, std::span<const double> factors,
                                 int threads);
  Result<std::vector<Tensor>> run(const std::vector<Tensor>& inputs) {
    return session_.run(inputs);
  }

 private:
  explicit BlockGraph(Session session) : session_(std::move(session)) {}
  Session session_;
};

// What a constant computes with: its numbers, rounded where it is annotated.
Tensor as_stored(const Value& constant);

// Samples one behind the other along the first axis.
Tensor joined(const std::vector<const Tensor*>& samples);

}  // namespace bantam
