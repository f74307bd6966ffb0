// SPDX-License-Identifier: Apache-2.0
// Whether there were enough calibration samples: ranges that were chosen from some of them are judged
// on the others.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bantam {

class Graph;
struct Calibration;

struct RangeCheck {
  // Of a graph whose values carry the ranges that `quantize` has chosen from the calibration.
  static RangeCheck of(const Graph& annotated, const Calibration& calibration);

  struct Growing {
    std::string value;
    double loss_db = 0;
  };
  int64_t samples = 0;
  int64_t values = 0;  // that share no range, have 8 bits, and a range that was chosen
  // How much more noise rounding makes on samples that had no say in the ranges, with ranges from
  // half of the samples instead of all: the mean over values, and the values where it is most.
  double loss_db = 0;
  std::vector<Growing> growing;
  // From so many samples on, ranges are as good on the others as those from all; 0: not even half
  // of the samples were enough.
  int64_t enough = 0;

  bool is_possible() const { return samples > 1 && values > 0; }
  bool is_too_few() const;
  // As a sentence without its full stop.
  std::string text() const;
};

}  // namespace bantam
