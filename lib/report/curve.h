// SPDX-License-Identifier: Apache-2.0
// What a search saw, as a picture: bytes to the right, quality upwards.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bantam {

struct CurvePoint {
  std::string label;
  double bytes = 0, sqnr_db = 0;
  bool front = false;  // no other one beats it
  bool best = false;   // the one that was chosen
};

struct CurveLimits {
  std::optional<double> bytes, sqnr_db;  // drawn as lines
};

// A whole SVG file. The points have labels that a browser shows; those of the front are joined.
std::string curve_svg(const std::string& title, std::vector<CurvePoint> points, const CurveLimits& limits);

}  // namespace bantam
