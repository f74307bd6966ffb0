// SPDX-License-Identifier: Apache-2.0
#include "device/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "ir/text.h"

namespace bantam {
namespace {

constexpr size_t kTerms = 3;
using Terms = std::array<double, kTerms>;

// Terms and time over the square root of the time: between relative errors, by which what is short would
// count as much as what a network spends its time on, and plain ones, by which it would not count.
Terms weighted(const CostSample& s) {
  const double root = std::sqrt(s.us);
  return {s.calls / root, s.steps * 1e-3 / root, s.bytes * 1e-3 / root};
}

// Solves the normal equations of the terms in `used` by elimination; empty where they do not tell them apart.
std::optional<Terms> solved(std::span<const CostSample> samples, const std::vector<size_t>& used) {
  const size_t n = used.size();
  std::array<std::array<double, kTerms + 1>, kTerms> m{};
  for (const CostSample& s : samples) {
    const Terms t = weighted(s);
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) m[i][j] += t[used[i]] * t[used[j]];
      m[i][n] += t[used[i]] * std::sqrt(s.us);
    }
  }
  for (size_t i = 0; i < n; ++i) {  // no pivoting: the matrix is positive definite, or the set is given up
    const double before = m[i][i];
    for (size_t k = 0; k < i; ++k) {
      const double f = m[i][k] / m[k][k];
      for (size_t j = k; j <= n; ++j) m[i][j] -= f * m[k][j];
    }
    if (!(m[i][i] > 1e-9 * before)) return {};
  }
  Terms x{};
  for (size_t i = n; i-- > 0;) {
    double v = m[i][n];
    for (size_t j = i + 1; j < n; ++j) v -= m[i][j] * x[used[j]];
    x[used[i]] = v / m[i][i];
  }
  return x;
}

double error_of(std::span<const CostSample> samples, const Terms& x) {
  double sum = 0;
  for (const CostSample& s : samples) {
    const Terms t = weighted(s);
    const double e = t[0] * x[0] + t[1] * x[1] + t[2] * x[2] - std::sqrt(s.us);
    sum += e * e;
  }
  return sum;
}

}  // namespace

// With three terms all sets of them can be tried: the best without a negative cost is the answer.
Cost fit_cost(std::span<const CostSample> samples) {
  Terms best{};
  double least = INFINITY;
  for (unsigned set = 1; set < 1u << kTerms; ++set) {
    std::vector<size_t> used;
    for (size_t i = 0; i < kTerms; ++i)
      if (set >> i & 1) used.push_back(i);
    const auto x = solved(samples, used);
    if (!x || *std::min_element(x->begin(), x->end()) < 0) continue;
    if (const double e = error_of(samples, *x); e < least) least = e, best = *x;
  }
  return {best[0], best[1], best[2]};
}

CaseWork case_work(const Graph& graph) {
  CaseWork all;
  for (const Node* n : graph.nodes()) {
    const auto w = work_of(*n);
    if (!w) continue;
    all.arithmetic = w->arithmetic;
    all.kind = w->kind;
    all.calls += 1;
    all.steps += w->steps;
    all.bytes += w->bytes;
  }
  return all;
}

Result<CostModel> fit_costs(std::span<const CalibrationTime> times) {
  const auto cases = calibration_cases();
  std::vector<std::string> names;
  for (const CalibrationCase& c : cases) names.push_back(c.name);
  CostModel model;
  std::map<std::pair<std::string, std::string>, std::vector<CostSample>> samples;
  for (const CalibrationTime& t : times)
    if (t.name == names[0]) model.run_us = t.us;
  for (const CalibrationTime& t : times) {
    const auto at = std::find(names.begin(), names.end(), t.name);
    if (at == names.end())
      return Error{Code::usage, formatted("{} is none of the models that a device is measured with{}", quote(t.name), suggestion(t.name, names))};
    if (!(t.us > 0 && t.us < 1e12)) return Error{Code::usage, formatted("{} has no time above 0", t.name)};
    if (at == names.begin()) continue;
    TRY(const Graph graph, parse_graph(cases[static_cast<size_t>(at - names.begin())].text));
    const CaseWork w = case_work(graph);
    // A clock is coarse: what is hardly above a run as such still took some time.
    const double us = std::max(t.us - model.run_us, t.us / 10);
    samples[{w.arithmetic, w.kind}].push_back({w.calls, w.steps, w.bytes, us});
  }
  for (const auto& [key, list] : samples) model.costs[key.first][key.second] = fit_cost(list);
  if (model.empty()) return Error{Code::usage, "there are no times to learn costs from"};
  return model;
}

}  // namespace bantam
