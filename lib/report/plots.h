// SPDX-License-Identifier: Apache-2.0
// Plots of the HTML report: bars in plain HTML, whose words stay readable at every width, and inline SVG.
#pragma once

#include <string>
#include <vector>

#include "report/report.h"

namespace bantam {

struct Bar {
  std::string label, value;
  double length;  // 0..1
  bool low;       // to be seen as bad
};

// One row per bar: label, bar, value.
std::string bar_plot(const std::vector<Bar>& bars);

// Counts on a logarithmic scale over the values, with the range of the integers underneath.
std::string distribution_plot(const Distribution& distribution);

}  // namespace bantam
