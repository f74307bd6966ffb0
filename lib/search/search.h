// SPDX-License-Identifier: Apache-2.0
// Which recipe to try next: the search behind `bantam tune`. It knows nothing of models; whoever uses it
// evaluates each proposal and reports what came out. It is deterministic: with the same outcomes it makes
// the same proposals, so that a journal of outcomes is all that a second start needs.
//
//   Search search(budget);
//   while (const auto trial = search.next()) search.report(evaluate(*trial));
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bantam {

// What a file may cost. At least one limit is set.
struct Budget {
  std::optional<double> max_drop;     // of the task's measure, or of agreement: 0.01 is one percent
  std::optional<double> min_sqnr;     // dB at the outputs
  std::optional<uint64_t> max_bytes;  // of the file
  std::optional<uint64_t> max_arena;  // bytes of activations and scratch
  std::optional<double> max_ms;       // of a run, on the machine that outcomes were measured on

  bool limits_quality() const { return max_drop || min_sqnr; }
};

// One conversion.
struct Trial {
  enum class Arithmetic { int8, real };
  bool plain8 = false;  // all weights in 8 bits; else steps by sensitivity, with this quality:
  double quality = 0;   // dB that rounding the weights leaves
  Arithmetic arithmetic = Arithmetic::int8;
  std::vector<std::string> keep;  // layers that stay in float

  // "steps of 14.5 dB, int8, keep conv1": for tables, and the key of the journal.
  std::string text() const;
};

struct Outcome {
  uint64_t bytes = 0;
  double drop = 0, sqnr = 0;
  std::string worst;  // the layer that lost most; "": not known
  double most_drop = 0;  // upper end of the drop's 95 % interval, where labels were counted
  uint64_t arena = 0;
  std::optional<double> ms;  // measured only where the budget asks for it: no two runs agree
};

class Search {
 public:
  explicit Search(Budget budget) : budget_(budget) {}

  // The next trial, until report() is called for it; nothing when all has been tried.
  std::optional<Trial> next() const;
  // What came out; empty: it could not be converted. Returns whether it is the best so far.
  bool report(const std::optional<Outcome>& outcome);

  struct Entry {
    Trial trial;
    Outcome outcome;
  };
  const std::vector<Entry>& seen() const { return seen_; }
  const Entry* best() const { return best_ < seen_.size() ? &seen_[best_] : nullptr; }
  bool is_met(const Outcome& o) const;
  // Entries that no other one beats in bytes and quality, nor in what else is limited; smallest first.
  std::vector<Entry> pareto() const;
  // Where the budget is not met: which limit binds, and what would be needed. Needs an entry.
  std::string unmet() const;

 private:
  // Halving of the quality for one way to convert.
  struct Track {
    Trial trial;
    double low, high;  // of the quality in dB
    int left;          // trials
    double last_sqnr;  // of the trial before, where it asked for finer steps; else -1
  };
  void advance(const std::optional<Outcome>& outcome);
  void open_track();
  bool is_better(const Entry& x, const Entry& y) const;
  bool has_quality(const Outcome& o) const;
  bool steps_cannot_help(const Outcome& o) const;

  Budget budget_;
  int stage_ = 0;
  std::optional<Track> track_;
  std::vector<Entry> seen_;
  size_t best_ = SIZE_MAX;
};

}  // namespace bantam
