// SPDX-License-Identifier: Apache-2.0
#include "quant/codebook.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

namespace bantam {
namespace {

constexpr size_t kBins = 4096;

// Sums over bins [0, i), from which the cost of any run of bins follows.
struct Prefix {
  std::vector<double> count{0}, sum{0}, square{0};
  void add(double n, double s, double q) {
    count.push_back(count.back() + n);
    sum.push_back(sum.back() + s);
    square.push_back(square.back() + q);
  }
  size_t bins() const { return count.size() - 1; }
  double mean(size_t from, size_t to) const { return (sum[to] - sum[from]) / (count[to] - count[from]); }
  // Squared distance of everything in bins [from, to) to their mean.
  double cost(size_t from, size_t to) const {
    const double n = count[to] - count[from], s = sum[to] - sum[from];
    return std::max(0.0, square[to] - square[from] - s * s / n);
  }
};

Prefix bins_of(std::span<const float> sorted) {
  Prefix p;
  const double low = static_cast<double>(sorted.front());
  const double width = (static_cast<double>(sorted.back()) - low) / static_cast<double>(kBins);
  const auto bin_of = [&](float v) { return std::min(kBins - 1, static_cast<size_t>((static_cast<double>(v) - low) / width)); };
  for (size_t i = 0; i < sorted.size();) {
    const size_t bin = bin_of(sorted[i]);
    double n = 0, s = 0, q = 0;
    for (; i < sorted.size() && bin_of(sorted[i]) == bin; ++i) {
      const auto v = static_cast<double>(sorted[i]);
      n += 1, s += v, q += v * v;
    }
    p.add(n, s, q);
  }
  return p;
}

// One row of the dynamic programme: best[j] = min over i of last[i] + cost(i, j). The best i never falls
// as j grows, so that halving finds a row in n log n.
class Row {
 public:
  Row(const Prefix& p, const std::vector<double>& last, std::vector<double>& best, std::vector<uint32_t>& from)
      : p_(p), last_(last), best_(best), from_(from) {}
  void solve(size_t j_low, size_t j_high, size_t i_low, size_t i_high) {
    if (j_low > j_high) return;
    const size_t j = (j_low + j_high) / 2;
    double least = std::numeric_limits<double>::infinity();
    size_t at = i_low;
    for (size_t i = i_low; i <= std::min(i_high, j - 1); ++i) {
      const double c = last_[i] + p_.cost(i, j);
      if (c < least) least = c, at = i;
    }
    best_[j] = least;
    from_[j] = static_cast<uint32_t>(at);
    if (j > j_low) solve(j_low, j - 1, i_low, at);
    solve(j + 1, j_high, at, i_high);
  }

 private:
  const Prefix& p_;
  const std::vector<double>& last_;
  std::vector<double>& best_;
  std::vector<uint32_t>& from_;
};

std::vector<float> best_means(const Prefix& p, size_t entries) {
  const size_t n = p.bins();
  std::vector<std::vector<uint32_t>> from(entries, std::vector<uint32_t>(n + 1));
  std::vector<double> last(n + 1), best(n + 1, std::numeric_limits<double>::infinity());
  for (size_t j = 1; j <= n; ++j) last[j] = p.cost(0, j);
  last[0] = std::numeric_limits<double>::infinity();  // every entry has at least one bin
  for (size_t k = 1; k < entries; ++k) {
    std::fill(best.begin(), best.end(), std::numeric_limits<double>::infinity());
    Row(p, last, best, from[k]).solve(k + 1, n, k, n - 1);
    std::swap(last, best);
  }
  std::vector<float> means(entries);
  size_t end = n;
  for (size_t k = entries; k-- > 0;) {
    const size_t begin = k == 0 ? 0 : from[k][end];
    means[k] = static_cast<float>(p.mean(begin, end));
    end = begin;
  }
  return means;
}

std::vector<float> distinct_of(std::span<const float> sorted) {
  std::vector<float> list(sorted.begin(), sorted.end());
  list.erase(std::unique(list.begin(), list.end()), list.end());
  return list;
}

}  // namespace

std::vector<float> choose_palette(std::span<const float> values, int entries) {
  std::vector<float> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  auto wanted = static_cast<size_t>(entries);
  if (auto distinct = distinct_of(sorted); distinct.size() <= wanted) return distinct;
  const auto [zero_begin, zero_end] = std::equal_range(sorted.begin(), sorted.end(), 0.0f);
  const bool has_zero = static_cast<size_t>(zero_end - zero_begin) * wanted >= sorted.size();
  if (has_zero) {
    sorted.erase(zero_begin, zero_end);
    --wanted;
  }
  const Prefix p = bins_of(sorted);
  std::vector<float> palette = p.bins() <= wanted ? distinct_of(best_means(p, p.bins())) : best_means(p, wanted);
  if (has_zero) palette.insert(std::lower_bound(palette.begin(), palette.end(), 0.0f), 0.0f);
  return distinct_of(palette);
}

float nearest_entry(std::span<const float> palette, float v) {
  const auto above = std::lower_bound(palette.begin(), palette.end(), v);
  if (above == palette.begin()) return *above;
  if (above == palette.end()) return palette.back();
  const float below = *(above - 1);
  return v - below <= *above - v ? below : *above;
}

}  // namespace bantam
