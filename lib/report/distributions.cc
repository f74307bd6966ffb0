// SPDX-License-Identifier: Apache-2.0
#include "report/distributions.h"

#include <algorithm>

namespace bantam {
namespace {

constexpr size_t kBars = 64;

// The histogram's bins are fine at 0 and coarse at the ends: each gives to every bar what overlaps with it.
std::vector<double> bars_of(const Histogram& h) {
  std::vector<double> bars(kBars);
  const double lo = static_cast<double>(h.min()), width = (static_cast<double>(h.max()) - lo) / static_cast<double>(kBars);
  if (width <= 0) return {static_cast<double>(h.count())};
  const auto place = [&](double x) { return std::clamp((x - lo) / width, 0.0, static_cast<double>(kBars)); };
  for (const Histogram::Bin& b : h.bins()) {
    const double from = place(b.value - b.width / 2), to = place(b.value + b.width / 2), count = static_cast<double>(b.count);
    const size_t first = std::min(static_cast<size_t>(from), kBars - 1), last = std::min(static_cast<size_t>(to), kBars - 1);
    if (first == last) {
      bars[first] += count;
      continue;
    }
    for (size_t i = first; i <= last; ++i) {
      const double overlap = std::min(to, static_cast<double>(i + 1)) - std::max(from, static_cast<double>(i));
      bars[i] += count * std::max(0.0, overlap) / (to - from);
    }
  }
  return bars;
}

Distribution distribution_of(const Value& v, const Histogram& h) {
  Distribution d;
  d.value = v.name;
  d.min = static_cast<double>(h.min());
  d.max = static_cast<double>(h.max());
  const auto scale = static_cast<double>(v.quant->scale[0]);
  d.range_low = scale * static_cast<double>(v.quant->lo() - v.quant->zero_at(0));
  d.range_high = scale * static_cast<double>(v.quant->hi() - v.quant->zero_at(0));
  d.step = scale;
  d.bars = bars_of(h);
  uint64_t outside = 0;
  for (const Histogram::Bin& b : h.bins())
    if (b.value < d.range_low - scale || b.value > d.range_high + scale) outside += b.count;
  d.clipped = static_cast<double>(outside) / static_cast<double>(h.count());
  return d;
}

}  // namespace

std::vector<Distribution> worst_distributions(const Graph& annotated, const Calibration& calibration, const ErrorBudget& budget, size_t most) {
  std::vector<const BudgetRow*> rows;
  for (const BudgetRow& row : budget.rows) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [](const BudgetRow* a, const BudgetRow* b) { return a->share > b->share; });
  std::vector<Distribution> out;
  for (const BudgetRow* row : rows)
    for (const std::string& name : row->activations) {
      const auto it = calibration.values.find(name);
      const Value* v = annotated.find(name);
      if (out.size() == most || it == calibration.values.end() || it->second.count() == 0 || !v || !v->quant) continue;
      Distribution d = distribution_of(*v, it->second);
      d.layer = row->layer;
      const auto is_same = [&](const Distribution& o) { return o.bars == d.bars && o.min == d.min && o.range_low == d.range_low; };
      if (std::none_of(out.begin(), out.end(), is_same)) out.push_back(std::move(d));  // else only moved
    }
  return out;
}

}  // namespace bantam
