// SPDX-License-Identifier: Apache-2.0
#include "search/limits.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

// A limit on a number that had better be low.
struct Limit {
  double most;
  double unit;  // how far beyond it counts as 1
  double (*of)(const Outcome&);
  std::string (*flag)(double);     // as on the command line
  std::string (*reached)(double);  // what was found
  bool is_met(const Outcome& o) const { return of(o) <= most; }
};

double bytes_of(const Outcome& o) { return static_cast<double>(o.bytes); }
double arena_of(const Outcome& o) { return static_cast<double>(o.arena); }
double ms_of(const Outcome& o) { return o.ms.value_or(0); }
double drop_of(const Outcome& o) { return o.drop; }
double loss_of(const Outcome& o) { return -o.sqnr; }

std::vector<Limit> limits_of(const Budget& b) {
  using Text = std::string;
  std::vector<Limit> list;
  if (b.max_drop)
    list.push_back({*b.max_drop, std::max(*b.max_drop, 1e-3), drop_of,
                    [](double v) -> Text { return formatted("--max-drop {:.2f}%", v * 100); },
                    [](double v) -> Text { return formatted("the least that was lost is {:.2f} %", v * 100); }});
  if (b.min_sqnr)
    list.push_back({-*b.min_sqnr, 6, loss_of,
                    [](double v) -> Text { return formatted("--min-sqnr {:.1f}dB", -v); },
                    [](double v) -> Text { return formatted("the most that was reached is {:.1f} dB", -v); }});
  if (b.max_bytes)
    list.push_back({static_cast<double>(*b.max_bytes), static_cast<double>(*b.max_bytes), bytes_of,
                    [](double v) -> Text { return formatted("--max-size {:.0f}", v); },
                    [](double v) -> Text { return formatted("the smallest file that was found has {:.0f} bytes", v); }});
  if (b.max_arena)
    list.push_back({static_cast<double>(*b.max_arena), static_cast<double>(*b.max_arena), arena_of,
                    [](double v) -> Text { return formatted("--max-arena {:.0f}", v); },
                    [](double v) -> Text { return formatted("the least memory for activations is {:.0f} bytes", v); }});
  if (b.max_ms)
    list.push_back({*b.max_ms, *b.max_ms, ms_of,
                    [](double v) -> Text { return formatted("--max-latency {:.4g}ms", v); },
                    [](double v) -> Text { return formatted("the fastest file took {:.4g} ms", v); }});
  return list;
}

// Of those that meet every other limit, the one for which this one has to give way least; null: there is none.
const Seen* closest(const std::vector<Limit>& limits, const Limit& limit, const std::vector<Seen>& seen) {
  const Seen* best = nullptr;
  for (const Seen& s : seen) {
    const auto is_met = [&](const Limit& l) { return l.of == limit.of || l.is_met(*s.outcome); };
    if (!std::all_of(limits.begin(), limits.end(), is_met)) continue;
    if (!best || limit.of(*s.outcome) < limit.of(*best->outcome)) best = &s;
  }
  return best;
}

}  // namespace

double excess(const Budget& budget, const Outcome& outcome) {
  double sum = 0;
  for (const Limit& l : limits_of(budget)) sum += std::max(0.0, (l.of(outcome) - l.most) / l.unit);
  return sum;
}

std::string binding_limits(const Budget& budget, const std::vector<Seen>& seen) {
  const auto limits = limits_of(budget);
  std::vector<std::string> never, together, instead;
  for (const Limit& l : limits) {
    const auto less = [&](const Seen& a, const Seen& b) { return l.of(*a.outcome) < l.of(*b.outcome); };
    together.push_back(l.flag(l.most));
    if (l.is_met(*std::min_element(seen.begin(), seen.end(), less)->outcome)) continue;
    const Seen* others_kept = closest(limits, l, seen);
    const Seen& best = others_kept ? *others_kept : *std::min_element(seen.begin(), seen.end(), less);
    const std::string size = l.of == bytes_of ? "" : formatted(", {} bytes", best.outcome->bytes);
    never.push_back(formatted("{} binds: {}{} ({}{})", l.flag(l.most), l.reached(l.of(*best.outcome)),
                              others_kept && limits.size() > 1 ? " where the rest is kept" : "", best.trial, size));
  }
  if (!never.empty()) return join(never, "; ");
  for (const Limit& l : limits)
    if (const Seen* s = closest(limits, l, seen)) instead.push_back(formatted("{} ({})", l.flag(l.of(*s->outcome)), s->trial));
  return formatted("{} are each met by some file, but by none together{}", join(together, " and "),
                   instead.empty() ? "" : "; there is one with " + join(instead, ", or with "));
}

}  // namespace bantam
