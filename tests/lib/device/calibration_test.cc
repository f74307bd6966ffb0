// SPDX-License-Identifier: Apache-2.0
// The models that a device is measured with, and the costs that come of their times.
#include "device/calibration.h"

#include <algorithm>
#include <set>

#include "catch.h"
#include "eval/session.h"
#include "ir/text.h"

namespace bantam {
namespace {

Graph graph_of(const CalibrationCase& c) {
  auto graph = parse_graph(c.text);
  INFO(c.name << ": " << (graph.ok() ? "" : graph.error().message));
  REQUIRE(graph.ok());
  return std::move(*graph);
}

TEST_CASE("each model of a calibration does the work that its name says, and nothing else", "[device]") {
  std::set<std::string> names, kinds;
  for (const CalibrationCase& c : calibration_cases()) {
    CHECK(names.insert(c.name).second);
    if (c.name == "run") continue;
    const Graph graph = graph_of(c);
    for (const Node* n : graph.nodes()) {
      const auto work = work_of(*n);
      REQUIRE(work);
      INFO(c.name << ": " << n->op->name << " is " << work->arithmetic << " " << work->kind);
      CHECK(c.name.starts_with(work->arithmetic + "_" + work->kind + "_"));
      CHECK(work->bytes > 0);
      kinds.insert(work->arithmetic + " " + work->kind);
    }
  }
  // Nothing is made from floats to floats, and ConvTranspose takes no 16 bits.
  CHECK(kinds.size() == 3 * work_kinds().size() - 2);
}

TEST_CASE("the runtime takes the models of a calibration", "[device]") {
  for (const CalibrationCase& c : calibration_cases()) {
    const Graph graph = graph_of(c);
    const Value* x = graph.inputs()[0];
    const auto count = static_cast<size_t>(element_count(*x->shape)) * bt_dtype_size(x->dtype);
    if (count > 20000) continue;  // the larger ones differ in nothing but their lengths
    auto session = Session::of_graph(graph, {});
    INFO(c.name << ": " << (session.ok() ? "" : session.error().message));
    REQUIRE(session.ok());
    const auto outputs = session->run(std::vector<Tensor>{Tensor(x->dtype, *x->shape, Bytes(std::vector<uint8_t>(count)))});
    INFO((outputs.ok() ? "" : outputs.error().message));
    CHECK(outputs.ok());
  }
}

TEST_CASE("costs come back out of the times that they make", "[device]") {
  CostModel truth;
  truth.run_us = 5;
  double step = 0.01;
  for (const std::string& arithmetic : arithmetics())
    for (const std::string& kind : work_kinds()) {
      const bool has_steps = kind == "pointwise" || kind == "dense" || kind == "depthwise";
      truth.costs[arithmetic][kind] = {.call_us = 3, .step_ns = has_steps ? step : 0, .byte_ns = 0.2};
      step += 0.001;
    }
  std::vector<CalibrationTime> times;
  for (const CalibrationCase& c : calibration_cases()) {
    const auto ms = truth.milliseconds(graph_of(c));
    REQUIRE(ms.ok());
    times.push_back({c.name, c.name == "run" ? 5 : *ms * 1000});
  }
  std::reverse(times.begin(), times.end());
  const auto found = fit_costs(times);
  REQUIRE(found.ok());
  for (const auto& [arithmetic, kinds] : found->costs)
    for (const auto& [kind, cost] : kinds) {
      const Cost& t = truth.costs.at(arithmetic).at(kind);
      INFO(arithmetic << " " << kind);
      CHECK(cost.call_us == Approx(t.call_us).epsilon(1e-3));
      CHECK(cost.step_ns == Approx(t.step_ns).margin(1e-4));
      CHECK(cost.byte_ns == Approx(t.byte_ns).epsilon(1e-2));
    }
}

TEST_CASE("no cost is below zero, and times may contradict each other", "[device]") {
  // More work, less time.
  const std::vector<CostSample> samples = {{1, 1000, 10, 50}, {1, 2000, 20, 40}, {1, 4000, 30, 30}};
  const Cost c = fit_cost(samples);
  CHECK(c.call_us > 0);
  CHECK(c.step_ns >= 0);
  CHECK(c.byte_ns >= 0);
  CHECK(fit_cost(std::vector<CostSample>{{1, 0, 0, 7}}).call_us == Approx(7));
}

TEST_CASE("times that belong to no model, or are none, are refused", "[device]") {
  const auto message = [](const std::vector<CalibrationTime>& times) {
    const auto costs = fit_costs(times);
    REQUIRE_FALSE(costs.ok());
    CHECK(costs.error().code == Code::usage);
    return costs.error().message;
  };
  CHECK(message({{"int8_dense_1x23", 4}}) ==
        "\"int8_dense_1x23\" is none of the models that a device is measured with; did you mean \"int8_dense_1x32\"?");
  CHECK(message({{"int8_dense_1x32", 0}}) == "int8_dense_1x32 has no time above 0");
  CHECK(message({}) == "there are no times to learn costs from");
  CHECK(message({{"run", 3}}) == "there are no times to learn costs from");
}

}  // namespace
}  // namespace bantam
