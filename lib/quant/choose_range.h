// SPDX-License-Identifier: Apache-2.0
// From the distribution of an activation to the range that its integers cover.
#pragma once

#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/quant.h"
#include "quant/histogram.h"

namespace bantam {

// A function of one number, known at points that lie evenly between two ends; linear in between.
class Curve {
 public:
  // The points at which to know the function, for values as in the histogram.
  static std::vector<float> points(const Histogram& histogram);
  Curve(const std::vector<float>& points, std::vector<float> values);
  double operator()(double x) const;

 private:
  double lo_, step_;
  std::vector<float> values_;
};

struct RangeOptions {
  std::string method = "mse";  // minmax, percentile, mse, entropy
  double percentile = 99.99;   // of `percentile`: the share of values inside the range
  // Of `mse`: how much the error of a clipped element counts beside that of a rounded one.
  double clip = 1;
  // Of `mse`: the function through which alone the value is seen; its result must be close.
  const Curve* seen_through = nullptr;
};

// The range for `levels` + 1 integers (255 for 8 bits). Always holds 0, which must be exactly
// representable: padding writes it, and an inexact zero would add a constant bias at every border.
Range choose_range(const Histogram& histogram, const RangeOptions& options, int levels = 255);

// Of an annotated graph: whether the function that makes the value bounds it, whatever the samples are.
bool has_fixed_range(const Value& value);

// Mean squared error of rounding the distribution to integers over a range.
double range_error(const Histogram& histogram, Range range, int levels = 255);

// Asymmetric i8 parameters for a range: zero is one of the integers. A range of a single point (a value
// that is always 0) gets the scale 1.
Quant quant_for_range(Range range, DType storage = BT_I8);
// Symmetric i16 parameters: zero point 0, as products of 16-bit values need it.
Quant wide_quant(Range range);

}  // namespace bantam
