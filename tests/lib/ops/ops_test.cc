// SPDX-License-Identifier: Apache-2.0
// Runs tests/lib/ops/*.golden: values and refusals of every operator. Each case runs with every kernel
// set that this CPU has, and the bits must agree.
#include <cmath>
#include <filesystem>

#include "base/text.h"
#include "catch.h"
#include "eval/session.h"
#include "golden.h"
#include "ir/op.h"
#include "ir/text.h"
#include "kernels/kernels.h"
#include "named_tensors.h"

namespace bantam {
namespace {

void compare(const Tensor& got, const Tensor& want, double tolerance) {
  CHECK(std::string(bt_dtype_name(got.dtype())) == bt_dtype_name(want.dtype()));
  REQUIRE(shape_text(got.shape()) == shape_text(want.shape()));
  if (!bt_is_float(want.dtype())) {
    CHECK(elements_text(got) == elements_text(want));
    return;
  }
  double largest = 0;
  for (int64_t i = 0; i < want.count(); ++i)
    if (std::isfinite(want.number(i))) largest = std::max(largest, std::fabs(want.number(i)));
  for (int64_t i = 0; i < want.count(); ++i) {
    const double g = got.number(i), w = want.number(i);
    const bool same = std::isnan(w) ? std::isnan(g) : g == w || std::fabs(g - w) <= tolerance * std::max(largest, 1e-30);
    if (!same) FAIL_CHECK("element " << i << ": " << g << " for " << w << "\n  got  " << elements_text(got));
  }
}

std::optional<std::string> run_case(const GoldenCase& c) {
  const GoldenBlock* text = c.find("graph");
  REQUIRE(text);
  auto graph = parse_graph(text->text);
  if (!graph.ok()) return graph.error().message;
  NamedTensors values;
  if (const GoldenBlock* block = c.find("values")) {
    auto parsed = parse_tensors(block->text, &*graph);
    if (!parsed.ok()) FAIL(parsed.error().message);
    values = std::move(*parsed);
  }
  const GoldenBlock* expect = c.find("expect");
  if (!expect && values.size() < graph->inputs().size()) return std::nullopt;  // nothing to run
  double tolerance = 1e-6;
  if (expect && expect->header.rfind("within ", 0) == 0) REQUIRE(parse_double(expect->header.substr(7), &tolerance));
  std::vector<Tensor> inputs;
  for (const Value* in : graph->inputs())
    for (const auto& [name, tensor] : values)
      if (name == in->name) inputs.push_back(tensor);
  REQUIRE(inputs.size() == graph->inputs().size());
  std::vector<Tensor> first;
  for (int k = 0; bt_kernels_at(k); ++k)
    for (const int threads : {1, 3}) {
      auto session = Session::of_graph(*graph, {.threads = threads, .kernels = bt_kernels_at(k)->name, .max_turns = 1000});
      if (!session.ok()) return session.error().message;
      auto outputs = session->run(inputs);
      if (!outputs.ok()) return outputs.error().message;
      if (first.empty()) first = *outputs;
      INFO("kernels " << bt_kernels_at(k)->name << ", threads " << threads);
      for (size_t i = 0; i < first.size(); ++i) CHECK(((*outputs)[i].bytes() == first[i].bytes()));
    }
  if (!expect) return std::nullopt;
  auto wanted = parse_tensors(expect->text, &*graph);
  if (!wanted.ok()) FAIL(wanted.error().message);
  for (const auto& [name, tensor] : *wanted) {
    bool found = false;
    for (size_t i = 0; i < graph->outputs().size(); ++i)
      if (graph->outputs()[i]->name == name) {
        INFO("output " << name);
        compare(first[i], tensor, tolerance);
        found = true;
      }
    CHECK(found);
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("operators compute what their golden files say", "[ops]") {
  for (const std::string& path : golden_files("tests/lib/ops"))
    for (const GoldenCase& c : read_golden(path, {"graph", "values", "expect", "error"})) {
      INFO(path << ":" << c.line << ": " << c.name);
      const auto failure = run_case(c);
      const GoldenBlock* error = c.find("error");
      if (error) {
        CHECK(failure.value_or("no error") == std::string(trim(error->text)));
      } else if (failure) {
        FAIL_CHECK(*failure);
      }
    }
}

TEST_CASE("every operator has a golden file and a summary", "[ops]") {
  for (const std::string folder : {"lib/ops", "lib/ops/extra"})
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(BANTAM_SOURCE_DIR) / folder)) {
      if (entry.path().extension() != ".c") continue;
      const std::string stem = entry.path().stem().string();
      INFO(stem);
      CHECK(std::filesystem::exists(std::filesystem::path(BANTAM_SOURCE_DIR) / "tests/lib/ops" / (stem + ".golden")));
    }
  for (const bt_op* op : all_ops()) {
    INFO(op->name);
    CHECK(std::string(op->summary ? op->summary : "").ends_with("."));
  }
}

}  // namespace bantam
