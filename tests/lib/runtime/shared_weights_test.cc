// SPDX-License-Identifier: Apache-2.0
// Nodes that would pack the same constant in the same way share what the first of them packed.
#include <vector>

#include "catch.h"
#include "eval/session.h"
#include "ir/program.h"
#include "ir/text.h"
#include "runtime/session.h"

namespace bantam {
namespace {

// The steps of a cell that is written out; the third one differs in its clamp, the last in what it reads.
const std::string kSteps = R"(graph steps {
  in %x : f32[3,8]
  in %q : i8[3,8] q(i8, axis=-1, bits=8, scale=0.5, zero=[3])
  in %p : i8[3,8] q(i8, axis=-1, bits=8, scale=0.5, zero=[4])
  const %w : f32[8,8] = random(seed=1)
  const %b : f32[8] = random(seed=2)
  const %v : i8[8,8] q(i8, axis=-1, bits=8, scale=0.25) = [1]
  %a : f32[3,8] = Gemm(%x, %w, %b)
  %c : f32[3,8] = Gemm(%a, %w, %b)
  %d : f32[3,8] = Gemm(%c, %w, %b) {lo=0}
  %e : f32[3,8] = Gemm(%d, %w, %b)
  %f : f32[3,8] = Gemm(%q, %v)
  %g : f32[3,8] = Gemm(%q, %v)
  %h : f32[3,8] = Gemm(%p, %v)
  out %e
  out %f
  out %g
  out %h
}
)";

Graph parsed(std::string text) {
  text.replace(text.find("[1]\n"), 3, "[" + [] {
    std::string all = "1";
    for (int i = 1; i < 64; ++i) all += ", " + std::to_string(i % 7 - 3);
    return all;
  }() + "]");
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  return std::move(*graph);
}

}  // namespace

TEST_CASE("equal steps share their packed weights, others have their own", "[runtime]") {
  const Graph graph = parsed(kSteps);
  const Program program(graph);
  bt_session* session = nullptr;
  REQUIRE(bt_session_from_graph(&program.graph(), nullptr, &session) == BT_OK);
  const bt_step* s = session->main->steps;
  for (int i = 0; i < 7; ++i) CHECK(s[i].weights != nullptr);
  CHECK(s[1].weights == s[0].weights);
  CHECK(s[2].weights != s[0].weights);  // another clamp
  CHECK(s[5].weights == s[4].weights);
  CHECK(s[6].weights != s[4].weights);  // another zero point, which is in the sums to start from
  bt_session_destroy(session);
}

}  // namespace bantam
