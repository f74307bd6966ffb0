// SPDX-License-Identifier: Apache-2.0
// Whether a drop in accuracy is more than chance. Basic arithmetic and sqrt only: gates are decided by these
// numbers, so they are equal to the last bit on every machine.
#include <algorithm>
#include <cmath>

#include "report/metrics.h"

namespace bantam {
namespace {

constexpr double kZ = 1.959963984540054;  // 97.5 % of a normal distribution lie below

// Rates of flips each way with one flip added to each.
struct Rates {
  double lost, gained, n;
  double drop() const { return lost - gained; }
  double variance() const { return lost + gained - drop() * drop(); }
};
Rates adjusted(int64_t b, int64_t c, int64_t n) {
  const double all = static_cast<double>(n) + 2;
  return {(static_cast<double>(b) + 1) / all, (static_cast<double>(c) + 1) / all, all};
}

}  // namespace

double mcnemar_p(int64_t b, int64_t c) {
  const int64_t n = b + c, m = std::min(b, c);
  if (n == 0) return 1;
  // sum over i <= m of n! / (i! (n - i)!), each term from the one before it; `scale` counts the powers of two
  // taken out, since the terms leave the range of a double near n = 1030
  double term = 1, sum = 1;
  int64_t scale = 0;
  for (int64_t i = 0; i < m; ++i) {
    term = term * static_cast<double>(n - i) / static_cast<double>(i + 1);
    sum += term;
    if (sum > 0x1p600) {
      term *= 0x1p-600;
      sum *= 0x1p-600;
      scale += 600;
    }
  }
  const int64_t power = std::max<int64_t>(scale - n + 1, -4000);
  return std::min(1.0, std::ldexp(sum, static_cast<int>(power)));
}

Interval drop_interval(int64_t b, int64_t c, int64_t n) {
  if (n <= 0) return {};
  const Rates r = adjusted(b, c, n);
  const double half = kZ * std::sqrt(r.variance() / r.n);
  return {std::max(r.drop() - half, -1.0), std::min(r.drop() + half, 1.0)};
}

Verdict judge_drop(int64_t b, int64_t c, int64_t n, double budget) {
  const Interval interval = drop_interval(b, c, n);
  if (interval.high <= budget) return Verdict::pass;
  return interval.low > budget ? Verdict::fail : Verdict::undecided;
}

std::optional<int64_t> decisions_to_decide(int64_t b, int64_t c, int64_t n, double budget) {
  if (n <= 0) return std::nullopt;
  const Rates r = adjusted(b, c, n);
  const double distance = budget - r.drop();
  if (distance == 0) return std::nullopt;
  const double needed = std::ceil(kZ * kZ * r.variance() / (distance * distance));
  return static_cast<int64_t>(std::clamp(needed, 1.0, 1e12));
}

}  // namespace bantam
