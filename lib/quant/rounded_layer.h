// SPDX-License-Identifier: Apache-2.0
// One product with constant weights: what its inputs have in common on calibration samples, and its
// weights rounded so that its outputs change least (quant/round_rows.h). Measured once, rounded with
// any number of step sizes.
#pragma once

#include <optional>
#include <vector>

#include "ir/graph.h"
#include "quant/paired_run.h"
#include "quant/product_matrix.h"
#include "quant/round_rows.h"

namespace bantam {

struct LayerOptions {
  size_t columns = 2048;  // of the input, at least twice the depth
  double damping = 0.01;
  bool bias = false;  // the mean error is left to the bias: rounding need not make up for it
  int threads = 1;
};

class RoundedLayer {
 public:
  // Whether its moments are few enough to be measured.
  static bool is_measurable(const ProductMatrix& matrix);
  // From the inputs of `n` on one side of a run, in some of the samples; empty where these leave
  // nothing to multiply. With the rounded side the bias makes up for the mean error of the layers
  // before as well.
  static Result<std::optional<RoundedLayer>> measure(const PairedRun& run, const Node& n, Side side,
                                                     const std::vector<size_t>& samples,
                                                     const LayerOptions& options);

  struct Rounded {
    Tensor weight;
    std::vector<double> bias;  // what each output channel's mean has lost; zeros without `bias`
    double noise = 0;          // mean squared error of an output, by the moments; with `bias` only
  };
  Rounded round(const Tensor& weight, const Quant& quant, int sweeps) const;

 private:
  explicit RoundedLayer(const ProductMatrix& matrix) : matrix_(matrix) {}
  ProductMatrix matrix_;
  bool bias_ = false;
  std::vector<RowRounder> rounders_;  // per group
  // of the columns of all groups: mean, and that of the real side less it
  std::vector<double> mean_, drift_;
};

}  // namespace bantam
