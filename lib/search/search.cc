// SPDX-License-Identifier: Apache-2.0
#include "search/search.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "search/limits.h"

namespace bantam {
namespace {

constexpr double kLowest = 5, kHighest = 50;  // dB of choose-steps that make sense
constexpr int kHalvings = 6;                  // 45 dB / 2^6: less than one

}  // namespace

std::string Trial::text() const {
  std::string text = plain8 ? "8 bits" : formatted("steps of {:.2f} dB", quality);
  text += arithmetic == Arithmetic::int8 ? ", int8" : ", float";
  return keep.empty() ? text : text + ", keep " + join(keep, " ");
}

// Stages: plain 8 bits in integers, so that there is a file soon; steps in float, which make the smallest files;
// steps in integers; these with the worst layer of the best file so far in float; plain 8 bits in float, the least
// loss that is on offer.
std::optional<Trial> Search::next() const {
  Trial plain;
  plain.plain8 = true;
  if (stage_ == 0) return plain;
  if (track_) return track_->trial;
  plain.arithmetic = Trial::Arithmetic::real;
  if (stage_ == 4 && !(best() && is_met(best()->outcome))) return plain;
  return {};
}

bool Search::report(const std::optional<Outcome>& outcome) {
  const auto trial = next();
  if (!trial) return false;
  bool leads = false;
  if (outcome) {
    seen_.push_back({*trial, *outcome});
    leads = !best() || is_better(seen_.back(), *best());
    if (leads) best_ = seen_.size() - 1;
  }
  advance(outcome);
  return leads;
}

void Search::advance(const std::optional<Outcome>& outcome) {
  if (track_) {
    // a limit of quality asks for the coarsest steps that keep it, one of size for the finest that fit
    const bool is_first = track_->left == kHalvings;
    const bool is_fine = outcome && has_quality(*outcome);
    const bool is_large = outcome && budget_.max_bytes && outcome->bytes > *budget_.max_bytes;
    const bool go_down = budget_.limits_quality() ? is_fine : is_large;
    (go_down ? track_->high : track_->low) = track_->trial.quality;
    // finer steps do not help where something else, activations say, makes the error
    const bool is_flat = !go_down && outcome && outcome->sqnr < track_->last_sqnr + 0.2;
    track_->last_sqnr = outcome && !go_down ? outcome->sqnr : -1;
    track_->trial.quality = std::round((track_->low + track_->high) * 4) / 8;
    if (--track_->left > 0 && outcome && !is_flat && !(is_first && steps_cannot_help(*outcome))) return;
    track_.reset();
  }
  if (++stage_ < 4) open_track();
}

void Search::open_track() {
  Track t{{}, kLowest, kHighest, kHalvings, -1};
  if (stage_ == 1) t.trial.arithmetic = Trial::Arithmetic::real;
  if (stage_ == 3) {
    const Entry* from = best();
    if (!from || from->outcome.worst.empty() || from->trial.plain8 || from->trial.arithmetic == Trial::Arithmetic::real) {
      ++stage_;
      return;
    }
    t.trial = from->trial;
    t.trial.keep.push_back(from->outcome.worst);
    t.low = std::max(kLowest, from->trial.quality - 6);
    t.high = std::min(kHighest, from->trial.quality + 2);
    t.left = 3;
  }
  // few networks need more than 20 dB: begin below the middle
  t.trial.quality = std::round(std::min(20.0, (t.low + t.high) / 2) * 4) / 4;
  track_ = t;
}

bool Search::has_quality(const Outcome& o) const {
  return (!budget_.max_drop || o.drop <= *budget_.max_drop) && (!budget_.min_sqnr || o.sqnr >= *budget_.min_sqnr);
}

bool Search::is_met(const Outcome& o) const { return excess(budget_, o) == 0; }

// Memory and time depend on the arithmetic, hardly on the size of steps.
bool Search::steps_cannot_help(const Outcome& o) const {
  constexpr double kNoise = 1.25;  // of measured times
  return (budget_.max_arena && o.arena > *budget_.max_arena) ||
         (budget_.max_ms && o.ms && *o.ms > kNoise * *budget_.max_ms);
}

bool Search::is_better(const Entry& x, const Entry& y) const {
  const Outcome &a = x.outcome, &b = y.outcome;
  const double over_a = excess(budget_, a), over_b = excess(budget_, b);
  if (over_a != over_b) return over_a < over_b;
  // integers run faster: floats have to be worth it
  const auto price = [](const Entry& e) { return static_cast<double>(e.outcome.bytes) * (e.trial.arithmetic == Trial::Arithmetic::real ? 1.03 : 1); };
  if (budget_.limits_quality()) return price(x) != price(y) ? price(x) < price(y) : a.sqnr > b.sqnr;
  return a.drop != b.drop ? a.drop < b.drop : a.sqnr > b.sqnr;
}

std::vector<Search::Entry> Search::pareto() const {
  std::vector<Entry> list = seen_;
  std::stable_sort(list.begin(), list.end(), [](const Entry& a, const Entry& b) {
    return a.outcome.bytes != b.outcome.bytes ? a.outcome.bytes < b.outcome.bytes : a.outcome.sqnr > b.outcome.sqnr;
  });
  std::vector<Entry> front;
  for (Entry& e : list) {
    const auto beats = [&](const Entry& f) {
      const Outcome &a = f.outcome, &o = e.outcome;
      return a.drop <= o.drop && a.sqnr >= o.sqnr && (!budget_.max_arena || a.arena <= o.arena) &&
             (!budget_.max_ms || a.ms.value_or(0) <= o.ms.value_or(0));
    };
    if (std::none_of(front.begin(), front.end(), beats)) front.push_back(std::move(e));
  }
  return front;
}

std::string Search::unmet() const {
  std::vector<Seen> seen;
  for (const Entry& e : seen_) seen.push_back({e.trial.text(), &e.outcome});
  return binding_limits(budget_, seen);
}

}  // namespace bantam
