// SPDX-License-Identifier: Apache-2.0
// Rounds rows of weights so that their products with the columns seen in calibration change least,
// rather than the weights themselves: what one weight loses by rounding, those that are rounded
// after it make up for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bantam {

// The numbers a row may take: code * scale, lo <= code <= hi.
struct RowGrid {
  float scale = 1;
  int32_t lo = -127, hi = 127;
};

struct RoundRowsOptions {
  double damping = 0.01;  // added to the moments, as a share of the mean of their diagonal
  int sweeps = 2;         // of coordinate descent behind the first rounding; 0: none
};

// Nearest integers, whatever the columns are; the rows lie one after the other.
std::vector<int32_t> round_to_nearest(std::span<const double> rows, std::span<const RowGrid> grids);

// `moments`: the mean of x x^T over the columns x, row-major. The rows are rounded column by
// column, beginning with the one that matters most, and the error is handed on as the Cholesky
// factor of the moments says. That is OBQ in one fixed order (Frantar et al., GPTQ, 2022), and the
// same as Babai's nearest plane. Then single weights change by a step where this lowers the error.
// The factor is made once and serves any number of grids.
class RowRounder {
 public:
  RowRounder(std::span<const double> moments, size_t depth, double damping);
  std::vector<int32_t> round(std::span<const double> rows, std::span<const RowGrid> grids,
                             int sweeps) const;
  // Mean squared change of a product, the mean over the rows.
  double error(std::span<const double> rows, std::span<const RowGrid> grids,
               std::span<const int32_t> codes) const;

 private:
  size_t depth_;
  std::vector<size_t> order_;
  std::vector<float> moments_, factor_;  // the latter is empty where columns are zeros only
};

std::vector<int32_t> round_rows(std::span<const double> rows, std::span<const RowGrid> grids,
                                std::span<const double> moments, const RoundRowsOptions& options);

// Mean squared change of the products, summed over the rows.
double product_error(std::span<const double> rows, std::span<const RowGrid> grids,
                     std::span<const int32_t> codes, std::span<const double> moments);

}  // namespace bantam
