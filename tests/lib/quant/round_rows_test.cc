// SPDX-License-Identifier: Apache-2.0
// Rounding that looks at correlations: never worse than what it is measured by, and plain rounding
// where there is nothing to make up for.
#include "quant/round_rows.h"

#include <cmath>

#include "base/random.h"
#include "catch.h"

namespace bantam {
namespace {

constexpr size_t kDepth = 24, kRows = 100;

std::vector<double> random_rows(uint64_t seed) {
  Random random(seed);
  std::vector<double> rows(kRows * kDepth);
  for (double& w : rows) w = static_cast<double>(random.uniform(-1, 1));
  return rows;
}

std::vector<double> diagonal(double value) {
  std::vector<double> h(kDepth * kDepth);
  for (size_t i = 0; i < kDepth; ++i) h[i * kDepth + i] = value;
  return h;
}

// Neighbours have much in common, as the pixels of an image have.
std::vector<double> correlated() {
  std::vector<double> h(kDepth * kDepth);
  for (size_t i = 0; i < kDepth; ++i)
    for (size_t j = 0; j < kDepth; ++j)
      h[i * kDepth + j] = std::pow(0.9, std::fabs(static_cast<double>(i) - static_cast<double>(j)));
  return h;
}

TEST_CASE("independent columns are rounded to the nearest", "[quant]") {
  const auto rows = random_rows(1);
  const std::vector<RowGrid> grids(kRows, {.scale = 0.25f, .lo = -7, .hi = 7});
  CHECK(round_rows(rows, grids, diagonal(3), {}) == round_to_nearest(rows, grids));
  CHECK(round_rows(rows, grids, diagonal(0), {}) == round_to_nearest(rows, grids));  // dead inputs
}

TEST_CASE("correlated columns make up for each other", "[quant]") {
  const auto rows = random_rows(2), moments = correlated();
  for (const int32_t most : {3, 7, 127}) {
    const std::vector<RowGrid> grids(kRows, {1.0f / static_cast<float>(most), -most, most});
    const auto error = [&](const std::vector<int32_t>& codes) {
      return product_error(rows, grids, codes, moments);
    };
    const double nearest = error(round_to_nearest(rows, grids));
    const double first = error(round_rows(rows, grids, moments, {.sweeps = 0}));
    const double swept = error(round_rows(rows, grids, moments, {}));
    INFO(most << ": " << nearest << " " << first << " " << swept);
    CHECK(first < 0.5 * nearest);
    CHECK(swept < first);
  }
}

TEST_CASE("codes stay on their grid, and weights that lie on it stay", "[quant]") {
  const auto rows = random_rows(3), moments = correlated();
  const std::vector<RowGrid> narrow(kRows, {.scale = 0.1f, .lo = -2, .hi = 1});
  for (const int32_t code : round_rows(rows, narrow, moments, {})) CHECK((code >= -2 && code <= 1));
  const std::vector<RowGrid> grids(kRows, {.scale = 0.125f, .lo = -127, .hi = 127});
  const auto codes = round_to_nearest(rows, grids);
  std::vector<double> exact;
  for (const int32_t code : codes) exact.push_back(0.125 * code);
  CHECK(round_rows(exact, grids, moments, {}) == codes);
}

TEST_CASE("the error is the mean square of what the products lose", "[quant]") {
  const std::vector<double> rows = {0.4, 0.4}, together = {1, 1, 1, 1}, opposed = {1, -1, -1, 1};
  const std::vector<RowGrid> grids(1, {.scale = 1, .lo = -1, .hi = 1});
  CHECK(product_error(rows, grids, std::vector<int32_t>{0, 0}, together) == Approx(0.64));
  CHECK(product_error(rows, grids, std::vector<int32_t>{0, 0}, opposed) == Approx(0));
  // the sum of both weights is what counts: one goes up, the other down
  const auto codes = round_rows(rows, grids, together, {});
  CHECK(codes[0] + codes[1] == 1);
}

}  // namespace
}  // namespace bantam
