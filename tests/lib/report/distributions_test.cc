// SPDX-License-Identifier: Apache-2.0
// Where an activation's values lie, and what its integers cover.
#include <numeric>

#include "catch.h"
#include "ir/text.h"
#include "report/distributions.h"
#include "report/plots.h"

namespace bantam {
namespace {

Graph one_layer() {
  auto graph = parse_graph("graph g {\n in %x : f32[1,4]\n %h : f32[1,4] = Relu(%x)\n %y : f32[1,4] = Neg(%h)\n out %y\n}\n");
  if (!graph.ok()) FAIL(graph.error().message);
  return std::move(*graph);
}

// Values 0, 1, ... 99, of which the integers cover 0..63.75.
std::vector<Distribution> found(const std::string& charged) {
  Graph graph = one_layer();
  Quant quant;
  quant.scale = {0.25f};
  quant.zero = {-128};
  graph.find("h")->quant = std::make_shared<const Quant>(quant);
  std::vector<float> values(100);
  std::iota(values.begin(), values.end(), 0.0f);
  Calibration calibration;
  calibration.values["h"].add(values);
  ErrorBudget budget;
  budget.rows.push_back({.layer = "y", .share = 1, .activations = {charged}});
  return worst_distributions(graph, calibration, budget, 4);
}

TEST_CASE("a distribution has the counts, the range and what is clipped", "[report]") {
  const auto list = found("h");
  REQUIRE(list.size() == 1);
  const Distribution& d = list[0];
  CHECK(d.value == "h");
  CHECK(d.layer == "y");
  CHECK(d.min == 0);
  CHECK(d.max == 99);
  CHECK(d.range_low == 0);
  CHECK(d.range_high == Approx(63.75));
  CHECK(d.clipped == Approx(0.35).margin(0.011));  // 65 to 99; the histogram's bins are 2 wide there
  CHECK(std::accumulate(d.bars.begin(), d.bars.end(), 0.0) == Approx(100));
  const std::string plot = distribution_plot(d);
  CHECK(plot.find("class=\"low\"") != std::string::npos);
  CHECK(plot.find("nan") == std::string::npos);
}

TEST_CASE("an activation that no histogram knows is left out", "[report]") { CHECK(found("x").empty()); }

TEST_CASE("a value that never changes is one bar", "[report]") {
  Distribution d;
  d.min = d.max = 3;
  d.range_high = 3;
  d.bars = {100};
  const std::string plot = distribution_plot(d);
  CHECK(plot.find("nan") == std::string::npos);
  CHECK(plot.find("inf") == std::string::npos);
}

}  // namespace
}  // namespace bantam
