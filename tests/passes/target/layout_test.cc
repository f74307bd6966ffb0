// SPDX-License-Identifier: Apache-2.0
// What to-channels-last did to the trained models, to-channels-first undoes: the same numbers, bit by bit
// where they are integers, and with no more Transposes than the source has: none in a plain CNN.
#include "catch.h"
#include "eval/session.h"
#include "trained_models.h"

namespace bantam {
namespace {

int count_of(const Graph& graph, std::string_view op) {
  int count = 0;
  for (const Node* n : graph.nodes()) count += n->is(op);
  return count;
}

int last_left(const Graph& graph) {
  int count = 0;
  for (const Node* n : graph.nodes()) count += n->op->layout == BT_LAYOUT_SPATIAL && n->attr_word("layout") == "last";
  return count;
}

void check_round(const std::string& name, const std::string& recipe, double floor) {
  INFO(name << ", recipe " << recipe);
  const Graph last = converted(name, recipe);
  Graph first = last.clone();
  run_steps(first, "to-channels-first; repeat { drop-identity; merge-duplicates; drop-dead }");
  CHECK(last_left(first) == 0);
  CHECK(count_of(first, "Transpose") <= count_of(trained(name), "Transpose"));
  for (const auto& sample : samples_of(name, last, 2)) CHECK(agreement(outputs_of(last, sample), outputs_of(first, sample)) >= floor);
}

TEST_CASE("to-channels-first undoes to-channels-last in trained models", "[passes]") {
  for (const std::string& name : trained_models()) {
    check_round(name, "exact", 100);
    check_round(name, "weights8", 100);
    check_round(name, "int8", INFINITY);
  }
}

}  // namespace
}  // namespace bantam
