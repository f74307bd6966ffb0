// SPDX-License-Identifier: Apache-2.0
// Which layer the noise comes from, and why, on networks where the answer is known.
#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "catch.h"
#include "ir/text.h"
#include "pass/runner.h"
#include "random_samples.h"
#include "report/error_budget.h"

namespace bantam {
namespace {

// Two matrix products; `second` is the second's weight.
Graph two_layers(const std::string& second) {
  const std::string text = "graph g {\n in %x : f32[8,16]\n const %w1 : f32[16,16] = random(seed=1)\n const %w2 : f32[16,16] = " + second +
                           "\n %h : f32[8,16] = MatMul(%x, %w1)\n %y : f32[8,16] = MatMul(%h, %w2)\n out %y\n}\n";
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  return std::move(*graph);
}

ErrorBudget budget_of(Graph& graph, const std::string& recipe) {
  RandomSamples samples(graph);
  PassContext ctx;
  ctx.data = &samples;
  const auto steps = parse_recipe(recipe, false);
  if (!steps.ok()) FAIL(steps.error().message);
  REQUIRE(run_recipe(graph, *steps, ctx).ok());
  auto budget = error_budget(graph, samples, {.samples = 4, .calibration = ctx.calibration.get(), .originals = &ctx.originals});
  if (!budget.ok()) FAIL(budget.error().message);
  return *budget;
}

TEST_CASE("the parts of an error add up", "[report]") {
  Graph graph = two_layers("random(seed=2)");
  const ErrorBudget b = budget_of(graph, "calibrate; quantize");
  REQUIRE(b.rows.size() == 2);
  CHECK(b.measured > 0);
  CHECK(std::fabs(10 * std::log10(b.sum / b.measured)) < 1.0);
  CHECK(b.rows[0].share + b.rows[1].share == Approx(1));
  for (const BudgetRow& row : b.rows) CHECK(row.weights_noise <= row.noise * 1.5);
}

TEST_CASE("a gain that is predicted is the gain that is had", "[report]") {
  Graph graph = two_layers("random(seed=2)"), kept = two_layers("random(seed=2)");
  const ErrorBudget before = budget_of(graph, "calibrate; quantize(bits=3) on \"*\"");
  const ErrorBudget after = budget_of(kept, "calibrate; quantize(bits=3, keep=y)");
  const double gain = 10 * std::log10(before.measured / after.measured);
  CHECK(std::fabs(gain - before.rows[1].gain_db) < 1.0);
}

TEST_CASE("weights that a pass has rounded already count as rounded", "[report]") {
  Graph plain = two_layers("random(seed=2)"), rounded = two_layers("random(seed=2)"), stored = two_layers("random(seed=2)");
  const ErrorBudget before = budget_of(plain, "calibrate; quantize(bits=3)");
  const ErrorBudget after = budget_of(rounded, "calibrate; quantize(bits=3); round-weights");
  for (size_t i = 0; i < 2; ++i) {
    CHECK(after.rows[i].weights_noise > 0);
    CHECK(after.rows[i].weights_noise < before.rows[i].weights_noise);
  }
  const ErrorBudget weights = budget_of(stored, "quantize(bits=3, activations=none)");
  REQUIRE(weights.rows.size() == 2);
  CHECK(weights.rows[0].noise == Approx(weights.rows[0].weights_noise));
}

TEST_CASE("of very many layers the noisiest have rows", "[report]") {
  std::string text = "graph g {\n in %x0 : f32[1,8]\n";
  constexpr int kLayers = 260, kBad = 137;
  for (int i = 0; i < kLayers; ++i)
    text += formatted(" const %w{} : f32[8,8] = random(seed={}, lo=-0.61, hi=0.61)\n %x{} : f32[1,8] = MatMul(%x{}, %w{})\n", i, i + 1, i + 1, i, i);
  Graph graph;
  {
    auto parsed = parse_graph(text + formatted(" out %x{}\n}}\n", kLayers));
    if (!parsed.ok()) FAIL(parsed.error().message);
    graph = std::move(*parsed);
  }
  const ErrorBudget b = budget_of(graph, formatted("quantize(bits=2, activations=none, small=0) on \"x{}\"; quantize(activations=none, small=0)", kBad));
  REQUIRE(!b.rows.empty());
  CHECK(b.rows.size() < kLayers);
  const auto worst = std::max_element(b.rows.begin(), b.rows.end(), [](const BudgetRow& x, const BudgetRow& y) { return x.noise < y.noise; });
  CHECK(worst->layer == formatted("x{}", kBad));
  CHECK(worst->share > 0.5);
}

TEST_CASE("few bits are named as a cause", "[report]") {
  Graph graph = two_layers("random(seed=2)");
  const ErrorBudget b = budget_of(graph, "calibrate; quantize(bits=3)");
  CHECK(b.rows[0].cause == "weights of 3 bits");
}

}  // namespace
}  // namespace bantam
