// SPDX-License-Identifier: Apache-2.0
#include "quant/precision_plan.h"

#include <algorithm>

namespace bantam {
namespace {

double sum_of(const std::map<std::string, double>& shares) {
  double sum = 0;
  for (const auto& [layer, share] : shares) sum += share;
  return sum;
}

}  // namespace

bool Rung::has(const Suspect& s) const {
  return std::all_of(s.names.begin(), s.names.end(),
                     [&](const std::string& name) { return taken.count(name) > 0; });
}

std::set<std::string> PrecisionPlan::in_float() const {
  std::set<std::string> nodes = eased.taken;
  nodes.insert(fine.taken.begin(), fine.taken.end());
  return nodes;
}

PrecisionPlan::Shares PrecisionPlan::products_of(const Rung& rung) const {
  Shares products;
  for (const Rung* r : {&wide, &eased, &fine}) {
    const bool is_same_cost = (r == &wide) == (&rung == &wide);
    if (!is_same_cost) continue;
    for (const Suspect& s : r->suspects)
      if (r->has(s)) products.insert(s.products.begin(), s.products.end());
  }
  return products;
}

double PrecisionPlan::spent_on(const Rung& rung) const { return sum_of(products_of(rung)); }

bool PrecisionPlan::take_worst(const std::vector<Rung*>& rungs, double room, double budget) {
  std::vector<std::pair<const Suspect*, Rung*>> worst;
  double left = 0;
  for (Rung* rung : rungs)
    for (const Suspect& s : rung->suspects)
      if (!rung->has(s)) worst.emplace_back(&s, rung), left += s.noise;
  std::stable_sort(worst.begin(), worst.end(), [](const auto& a, const auto& b) {
    return a.first->worth() > b.first->worth();
  });
  Shares spent = products_of(*rungs[0]);
  bool changed = false;
  for (const auto& [s, rung] : worst) {
    if (changed && left <= room) break;
    Shares with = spent;
    with.insert(s->products.begin(), s->products.end());
    if (sum_of(with) > budget) continue;
    spent = std::move(with);
    rung->take(*s);
    left -= s->noise;
    changed = true;
  }
  return changed;
}

}  // namespace bantam
