// SPDX-License-Identifier: Apache-2.0
// The search of `bantam tune` on a made-up model: finer steps cost bytes and lose less, by known laws.
#include <cmath>

#include "catch.h"
#include "search/search.h"

namespace bantam {
namespace {

// 6 dB cost one bit of each of 100,000 weights; integers limit the quality to 25 dB, or 30 without layer "head".
Outcome made_up(const Trial& t) {
  const double limit = t.arithmetic == Trial::Arithmetic::real ? 60 : t.keep.empty() ? 25 : 30;
  const double quality = t.plain8 ? 40 : t.quality;
  const double noise = std::pow(10, -quality / 10) + std::pow(10, -limit / 10);
  Outcome o;
  o.sqnr = -10 * std::log10(noise);
  o.drop = std::pow(10, -o.sqnr / 10);
  o.bytes = static_cast<uint64_t>(5000 + (t.keep.empty() ? 0 : 3000) + 12500 * quality / 6.02);
  o.worst = "head";
  o.arena = t.arithmetic == Trial::Arithmetic::real ? 40000 : 12000;
  o.ms = t.arithmetic == Trial::Arithmetic::real ? 8.0 : 3.5;
  return o;
}

Search searched(const Budget& budget, int most = 1000) {
  Search search(budget);
  for (int i = 0; i < most; ++i) {
    const auto trial = search.next();
    if (!trial) break;
    search.report(made_up(*trial));
  }
  return search;
}

}  // namespace

TEST_CASE("the smallest file that loses little enough is found", "[search]") {
  const Search s = searched({.max_drop = 0.02});
  REQUIRE(s.best());
  const Outcome& o = s.best()->outcome;
  CHECK(s.is_met(o));
  CHECK(o.bytes < 44500);  // 17 dB are needed in all; 17.7 of the steps
  CHECK(s.seen().size() < 25);
}

TEST_CASE("the best file of a size is found", "[search]") {
  const Search s = searched({.max_bytes = 40000});
  REQUIRE(s.best());
  CHECK(s.best()->outcome.bytes <= 40000);
  CHECK(s.best()->outcome.sqnr > 16);  // 16.86 dB of steps fit
  CHECK(s.best()->trial.arithmetic == Trial::Arithmetic::real);
}

TEST_CASE("limits that bind are named, with what would be needed", "[search]") {
  CHECK(searched({.max_drop = 1e-9}).unmet().starts_with("--max-drop 0.00% binds: the least that was lost is 0.00 % (steps of 49.12 dB, float, "));
  CHECK(searched({.max_bytes = 6000}).unmet().starts_with("--max-size 6000 binds: the smallest file that was found has 1"));
  CHECK(searched({.min_sqnr = 70}).unmet().starts_with("--min-sqnr 70.0dB binds: the most that was reached is "));
  CHECK(searched({.max_arena = 9000}).unmet() == "--max-arena 9000 binds: the least memory for activations is 12000 bytes (8 bits, int8, 88056 bytes)");
  CHECK(searched({.max_ms = 2}).unmet() == "--max-latency 2ms binds: the fastest file took 3.5 ms (8 bits, int8, 88056 bytes)");
  const Search both = searched({.max_drop = 0.001, .max_bytes = 40000});
  REQUIRE_FALSE(both.is_met(both.best()->outcome));
  CHECK(both.unmet().starts_with("--max-size 40000 binds: the smallest file that was found has 6"));
  CHECK(both.unmet().find(" bytes where the rest is kept (steps of ") != std::string::npos);
}

TEST_CASE("limits that no file meets together are named with what would do", "[search]") {
  const Search s = searched({.min_sqnr = 35, .max_arena = 20000});  // integers end at 30 dB
  REQUIRE_FALSE(s.is_met(s.best()->outcome));
  CHECK(s.unmet().starts_with("--min-sqnr 35.0dB and --max-arena 20000 are each met by some file, but by none together; there is one with --min-sqnr "));
  CHECK(s.unmet().find(", or with --max-arena 40000 (8 bits, float)") != std::string::npos);
}

TEST_CASE("memory and time leave the arithmetic that keeps them", "[search]") {
  for (const Budget& budget : {Budget{.max_arena = 20000}, Budget{.max_ms = 5.0}}) {
    const Search s = searched(budget);
    REQUIRE(s.best());
    CHECK(s.is_met(s.best()->outcome));
    CHECK(s.best()->trial.arithmetic == Trial::Arithmetic::int8);
    int floats = 0;
    for (const Search::Entry& e : s.seen()) floats += e.trial.arithmetic == Trial::Arithmetic::real;
    CHECK(floats == 1);  // finer steps need no less
  }
}

TEST_CASE("a search that is resumed proposes what it would have proposed", "[search]") {
  const Budget budget{.max_drop = 0.01};
  const Search whole = searched(budget);
  Search again(budget);
  const Search part = searched(budget, 5);
  for (const Search::Entry& e : part.seen()) {
    REQUIRE(again.next()->text() == e.trial.text());
    again.report(e.outcome);
  }
  while (const auto trial = again.next()) again.report(made_up(*trial));
  REQUIRE(again.seen().size() == whole.seen().size());
  CHECK(again.best()->trial.text() == whole.best()->trial.text());
}

TEST_CASE("nothing on the Pareto front is beaten", "[search]") {
  const auto front = searched({.max_drop = 0.02}).pareto();
  REQUIRE(front.size() > 2);
  for (size_t i = 1; i < front.size(); ++i) {
    CHECK(front[i].outcome.bytes >= front[i - 1].outcome.bytes);
    CHECK(front[i].outcome.sqnr > front[i - 1].outcome.sqnr);
  }
}

TEST_CASE("trials that fail are passed over", "[search]") {
  Search s({.max_drop = 0.02});
  int n = 0;
  while (s.next() && n < 100) s.report({}), ++n;
  CHECK(n < 10);
  CHECK(s.best() == nullptr);
}

}  // namespace bantam
