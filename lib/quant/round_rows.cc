// SPDX-License-Identifier: Apache-2.0
#include "quant/round_rows.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

namespace bantam {
namespace {

using Numbers = std::vector<double>;
using Floats = std::vector<float>;  // exact enough behind the factorization, and twice as fast

int32_t nearest(double value, const RowGrid& grid) {
  const double code = std::nearbyint(value / static_cast<double>(grid.scale));
  const auto lo = static_cast<double>(grid.lo), hi = static_cast<double>(grid.hi);
  return static_cast<int32_t>(std::clamp(code, lo, hi));
}

double value_of(int32_t code, const RowGrid& grid) {
  return static_cast<double>(code) * static_cast<double>(grid.scale);
}

// to += factor * from
template <typename T>
void add_scaled(T factor, const T* from, T* to, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] += factor * from[i];
}

// Upper triangular U with U^T U = H, in place; false where H is not positive definite. A block of
// rows at a time is taken out of each row below, so that this row stays in the cache.
bool factorize(Numbers& h, size_t n) {
  constexpr size_t kBlock = 32;
  for (size_t begin = 0; begin < n; begin += kBlock) {
    const size_t end = std::min(n, begin + kBlock);
    for (size_t i = begin; i < n; ++i) {
      double* row = &h[i * n];
      for (size_t k = begin; k < std::min(i, end); ++k)
        add_scaled(-h[k * n + i], &h[k * n + i], row + i, n - i);
      if (i >= end) continue;
      if (!(row[i] > 0)) return false;
      const double root = std::sqrt(row[i]);
      for (size_t j = i; j < n; ++j) row[j] /= root;
    }
  }
  return true;
}

// Columns in the order in which Babai's rule meets them last to first: those that matter most,
// last.
std::vector<size_t> order_of(std::span<const double> moments, size_t n) {
  std::vector<size_t> order(n);
  std::iota(order.begin(), order.end(), size_t{0});
  const auto power = [&](size_t i) { return moments[i * n + i]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return power(a) < power(b); });
  return order;
}

Numbers damped(std::span<const double> moments, size_t n, double damping) {
  Numbers h(moments.begin(), moments.end());
  double sum = 0;
  for (size_t i = 0; i < n; ++i) sum += h[i * n + i];
  for (size_t i = 0; i < n; ++i) h[i * n + i] += damping * sum / static_cast<double>(n);
  return h;
}

// The factor of the moments with rows and columns in another order, each row divided by its first
// element.
std::optional<Floats> compensation(const Numbers& h, const std::vector<size_t>& order) {
  const size_t n = order.size();
  Numbers u(n * n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i; j < n; ++j) u[i * n + j] = h[order[i] * n + order[j]];
  if (!factorize(u, n)) return std::nullopt;
  Floats relative(n * n);
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i; j < n; ++j)
      relative[i * n + j] = static_cast<float>(u[i * n + j] / u[i * n + i]);
  return relative;
}

// Some rows side by side, so that inner loops run over them.
constexpr size_t kTile = 64;

// Babai's nearest plane for rows [first, first + count).
void round_tile(std::span<const double> rows, std::span<const RowGrid> grids, const Floats& u,
                const std::vector<size_t>& order, size_t first, size_t count,
                std::vector<int32_t>& codes) {
  const size_t n = order.size();
  Floats errors(n * count), moved(count);
  for (size_t i = n; i-- > 0;) {
    const size_t column = order[i];
    std::fill(moved.begin(), moved.end(), 0.0f);
    for (size_t j = i + 1; j < n; ++j)
      add_scaled(u[i * n + j], &errors[j * count], moved.data(), count);
    for (size_t r = 0; r < count; ++r) {
      const RowGrid& grid = grids[first + r];
      const double weight = rows[(first + r) * n + column];
      const int32_t code = nearest(weight + static_cast<double>(moved[r]), grid);
      codes[(first + r) * n + column] = code;
      errors[i * count + r] = static_cast<float>(weight - value_of(code, grid));
    }
  }
}

// Sweeps over one row: each weight moves to where the error is least, the others being as they are.
void descend(std::span<const double> row, const RowGrid& grid, const Floats& h, int sweeps,
             int32_t* codes) {
  const size_t n = row.size();
  Floats slope(n);  // H e
  const auto add = [&](size_t i, double change) {
    add_scaled(static_cast<float>(change), &h[i * n], slope.data(), n);
  };
  for (size_t i = 0; i < n; ++i) add(i, row[i] - value_of(codes[i], grid));
  bool again = true;
  for (int sweep = 0; sweep < sweeps && again; ++sweep) {
    again = false;
    for (size_t i = 0; i < n; ++i) {
      const double best = value_of(codes[i], grid) + static_cast<double>(slope[i] / h[i * n + i]);
      const int32_t code = nearest(best, grid);
      if (code == codes[i]) continue;
      add(i, value_of(codes[i] - code, grid));
      codes[i] = code;
      again = true;
    }
  }
}

}  // namespace

std::vector<int32_t> round_to_nearest(std::span<const double> rows,
                                      std::span<const RowGrid> grids) {
  const size_t n = grids.empty() ? 0 : rows.size() / grids.size();
  std::vector<int32_t> codes(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) codes[i] = nearest(rows[i], grids[i / n]);
  return codes;
}

RowRounder::RowRounder(std::span<const double> moments, size_t depth, double damping)
    : depth_(depth), order_(order_of(moments, depth)) {
  const Numbers h = damped(moments, depth, damping);
  if (auto factor = compensation(h, order_)) factor_ = std::move(*factor);
  moments_.assign(h.begin(), h.end());
}

std::vector<int32_t> RowRounder::round(std::span<const double> rows, std::span<const RowGrid> grids,
                                       int sweeps) const {
  auto codes = round_to_nearest(rows, grids);
  if (grids.empty() || factor_.empty()) return codes;
  for (size_t first = 0; first < grids.size(); first += kTile)
    round_tile(rows, grids, factor_, order_, first, std::min(kTile, grids.size() - first), codes);
  for (size_t r = 0; sweeps > 0 && r < grids.size(); ++r)
    descend(rows.subspan(r * depth_, depth_), grids[r], moments_, sweeps, &codes[r * depth_]);
  return codes;
}

double RowRounder::error(std::span<const double> rows, std::span<const RowGrid> grids,
                         std::span<const int32_t> codes) const {
  double sum = 0;
  std::vector<float> errors(depth_), slope(depth_);
  for (size_t r = 0; r < grids.size(); ++r) {
    std::fill(slope.begin(), slope.end(), 0.0f);
    for (size_t k = 0; k < depth_; ++k) {
      const size_t i = r * depth_ + k;
      errors[k] = static_cast<float>(rows[i] - value_of(codes[i], grids[r]));
      add_scaled(errors[k], &moments_[k * depth_], slope.data(), depth_);
    }
    for (size_t k = 0; k < depth_; ++k)
      sum += static_cast<double>(errors[k]) * static_cast<double>(slope[k]);
  }
  return grids.empty() ? 0 : sum / static_cast<double>(grids.size());
}

std::vector<int32_t> round_rows(std::span<const double> rows, std::span<const RowGrid> grids,
                                std::span<const double> moments, const RoundRowsOptions& options) {
  if (grids.empty()) return {};
  const RowRounder rounder(moments, rows.size() / grids.size(), options.damping);
  return rounder.round(rows, grids, options.sweeps);
}

double product_error(std::span<const double> rows, std::span<const RowGrid> grids,
                     std::span<const int32_t> codes, std::span<const double> moments) {
  double sum = 0;
  const size_t n = grids.empty() ? 0 : rows.size() / grids.size();
  for (size_t r = 0; r < grids.size(); ++r) {
    const auto error = [&](size_t k) {
      return rows[r * n + k] - value_of(codes[r * n + k], grids[r]);
    };
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j) sum += error(i) * moments[i * n + j] * error(j);
  }
  return sum;
}

}  // namespace bantam
