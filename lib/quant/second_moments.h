// SPDX-License-Identifier: Apache-2.0
// The mean of x x^T over columns x: which errors of a product's weights its output feels, and how
// much. An error e in a row of weights changes that output by e^T x, so its power is e^T H e.
#pragma once

#include <span>
#include <vector>

#include "eval/session.h"

namespace bantam {

// Of one group, or of several that have nothing to do with each other. Sums are made in fixed
// pieces and in the order of the calls, so that they come out the same on every machine and for
// every number of threads.
class SecondMoments {
 public:
  static Result<SecondMoments> start(size_t groups, size_t depth, int threads);

  // Columns are added a block at a time: [groups][kBlock][depth], of which the first `count` of
  // each group are columns and the others 0.
  static constexpr size_t kBlock = 256;
  Result<void> add(std::span<const float> columns, size_t count);

  size_t depth() const { return depth_; }
  size_t count() const { return count_; }
  // Row-major, depth x depth.
  std::vector<double> of_group(size_t group) const;

 private:
  SecondMoments(Session session, size_t groups, size_t depth);
  Session product_;
  size_t groups_, depth_, count_ = 0;
  std::vector<double> sums_;
};

}  // namespace bantam
