// SPDX-License-Identifier: Apache-2.0
// Which values stand for outputs that hang on decisions.
#include "quant/decided.h"

#include <algorithm>

#include "catch.h"
#include "ir/text.h"

namespace bantam {
namespace {

std::string outputs_of(const std::string& body) {
  auto graph = parse_graph("graph {\n" + body + "}\n");
  REQUIRE(graph.ok());
  const auto before = before_decisions(*graph);
  if (!before) return "as they are";
  std::string names;
  for (const Value* v : before->outputs()) names += (names.empty() ? "" : " ") + v->name;
  for (const Node* n : before->nodes())
    CHECK(std::any_of(n->outputs.begin(), n->outputs.end(), [](const Value* v) { return v->is_output() || !v->uses().empty(); }));
  return names;
}

const char* const kHead =
    " in %x : f32[1,4]\n const %w : f32[4,6] = random(seed=1)\n const %k : i64[1] = [2]\n const %one : i64[1] = [1]\n %s = MatMul(%x, %w)\n %b = Tanh(%s)\n";

}  // namespace

TEST_CASE("entries taken in an order that was found are judged by what they were taken from", "[quant]") {
  CHECK(outputs_of(std::string(kHead) + " %best, %places = TopK(%s, %k)\n %y = GatherElements(%b, %places) {axis=1}\n out %best\n out %y\n out %places\n") == "best s b");
  CHECK(outputs_of(std::string(kHead) + " %c = ArgMax(%s) {axis=1}\n out %c\n") == "s");
}

TEST_CASE("outputs without decisions, and decisions that no product has a part in, stay as they are", "[quant]") {
  CHECK(outputs_of(std::string(kHead) + " %best, %places = TopK(%s, %k)\n out %best\n out %b\n") == "as they are");
  CHECK(outputs_of(std::string(kHead) + " %last = ArgMax(%x) {axis=1, keepdims=0}\n %y = Gather(%s, %last) {axis=1}\n out %y\n") == "as they are");
}

}  // namespace bantam
