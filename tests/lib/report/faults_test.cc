// SPDX-License-Identifier: Apache-2.0
// What is wrong with quantized models, told from their graphs.
#include "report/faults.h"

#include "catch.h"
#include "ir/text.h"

namespace bantam {
namespace {

std::vector<std::string> faults_in(const char* head, const char* rest) {
  std::string text = head;
  text += rest;
  const auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  return faults_of(*graph);
}

constexpr const char* kHead = R"(graph {
  in %x : f32[1,2]
  const %s : f32[] = [0.02]
  const %t : f32[] = [0.03]
  const %z : i8[] = [0]
  const %q : i8[2,2] = [1, 2, 3, 4]
  %x.q = QuantizeLinear(%x, %s, %z)
  %x.r = DequantizeLinear(%x.q, %s, %z)
  %w = DequantizeLinear(%q, %s, %z)
)";

}  // namespace

TEST_CASE("a sound quantized model and a float one have no faults", "[report]") {
  CHECK(faults_in(kHead, R"(
  %a = MatMul(%x.r, %w)
  %a.r = Relu(%a)
  %a.q = QuantizeLinear(%a.r, %t, %z)
  %y = DequantizeLinear(%a.q, %t, %z)
  out %y
})").empty());
  CHECK(faults_in("graph {\n", "  in %x : f32[2]\n  const %dead : f32[300] = splat(1)\n  %y = Relu(%x)\n  out %y\n}").empty());
}

TEST_CASE("faults of quantized models are named", "[report]") {
  const auto faults = faults_in(kHead, R"(
  const %dead : f32[300] = splat(1)
  const %v : f32[2,2] = [1, 2, 3, 4]
  %real = MatMul(%x.r, %v) @"with float weight"
  %a = MatMul(%x.r, %w) @"unfused"
  %a.q = QuantizeLinear(%a, %s, %z)
  %a.r = DequantizeLinear(%a.q, %s, %z)
  %b = Relu(%a.r)
  %b.q = QuantizeLinear(%b, %s, %z)
  %b.r = DequantizeLinear(%b.q, %s, %z)
  %c = MatMul(%b.r, %w) @"unrounded"
  %d = Erf(%c)
  %d.q = QuantizeLinear(%d, %t, %z)
  %d.r = DequantizeLinear(%d.q, %t, %z)
  %j = Concat(%b.r, %d.r) {axis=1} @"joined"
  %j.q = QuantizeLinear(%j, %t, %z)
  %y = DequantizeLinear(%j.q, %t, %z)
  out %y
  out %real
})");
  REQUIRE(faults.size() == 5);
  CHECK(faults[0].find("1 float constant that nothing reads, 1.20 kB, such as \"dead\"") == 0);
  CHECK(faults[1].find("weights are float: computed in float (\"with float weight\")") != std::string::npos);
  CHECK(faults[2].find("not rounded to integers: runtimes compute them in float (\"unrounded\")") != std::string::npos);
  CHECK(faults[3].find("a node of its own; the product could have made it (\"unfused\")") != std::string::npos);
  CHECK(faults[4].find("other scales than its result: runtimes rescale them, or refuse the file (\"joined\")") != std::string::npos);
}

}  // namespace bantam
