// SPDX-License-Identifier: Apache-2.0
// The text form of a graph: parse and print are inverse, and errors say where.
#include "catch.h"
#include "ir/text.h"

namespace bantam {

TEST_CASE("what is printed parses to the same text", "[ir]") {
  const std::string text = R"(graph tiny {
  in %x : f32[N,3,8,8]
  in %"odd \"name\x01" : i64[]
  const %w : f32[4,3,1,1] q(i8, axis=0, narrow=1, scale=[0.01, 0.02, 0.01, 0.03]) = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
  const %b : f32[4] = [0.1, 0.2, inf, -0.4]
  const %long : f32[40] = splat(2)
  %c : f32[N,4,8,8] = Conv(%x, %w, %b) {hi=6, lo=0} @"conv1"
  %blk/0:out : f32[N,4,8,8] q(i8, scale=0.05, zero=3) = LeakyRelu(%c) {alpha=0.2}
  out %blk/0:out
}
)";
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  CHECK(print(*graph) == text);
}

TEST_CASE("a clone prints the same", "[ir]") {
  auto graph = parse_graph("graph { in %x : f32[2] %y = Sigmoid(%x) %z = Add(%x, %y) out %z out %x }");
  REQUIRE(graph.ok());
  CHECK(print(graph->clone()) == print(*graph));
}

TEST_CASE("errors in a text point at line and column", "[ir]") {
  const auto message = [](const char* text) {
    auto graph = parse_graph(text);
    REQUIRE(!graph.ok());
    return graph.error().message;
  };
  CHECK(message("graph {\n  in %x : f33[2]\n}") == "line 2, column 14: \"f33\" is no type");
  CHECK(message("graph { in %x : f32[2]\n %y = Sigmod(%x) }") ==
        "line 2, column 7: there is no operator \"Sigmod\"; did you mean \"Sigmoid\"?");
  CHECK(message("graph { in %x : f32[2] %x = Sigmoid(%x) }") == "line 1, column 27: \"x\" is defined twice");
  CHECK(message("graph { const %x : f32[2] = [1, 2, 3] }") == "line 1, column 36: more than 2 elements");
  CHECK(message("graph { in %x : f32[2] %y : f32[3] = Sigmoid(%x) out %y }") ==
        "line 1, column 50: \"y\" is f32[2], not what is written here");
}

}  // namespace bantam
