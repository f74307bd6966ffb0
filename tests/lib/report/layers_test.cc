// SPDX-License-Identifier: Apache-2.0
// Rows of the layer table.
#include "report/layers.h"

#include "catch.h"
#include "ir/text.h"
#include "random_samples.h"

namespace bantam {
namespace {

TEST_CASE("multiply-adds of open lengths are those of the first sample", "[report]") {
  auto graph = parse_graph(
      "graph g {\n in %x : f32[?,16]\n const %w : f32[16,8] = random(seed=1)\n"
      " %h : f32[?,8] = MatMul(%x, %w)\n %y : f32[?,8] = Relu(%h)\n out %y\n}\n");
  REQUIRE(graph.ok());
  auto fixed = parse_graph("graph g {\n in %x : f32[3,16]\n %y : f32[3,16] = Relu(%x)\n out %y\n}\n");
  REQUIRE(fixed.ok());
  RandomSamples samples(*fixed);
  auto rows = layer_rows(*graph, {});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].macs == 0);
  count_multiply_adds(*graph, samples, rows);
  CHECK(rows[0].macs == 3 * 16 * 8);
  CHECK(rows[1].macs == 0);
}

}  // namespace
}  // namespace bantam
