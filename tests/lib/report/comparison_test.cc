// SPDX-License-Identifier: Apache-2.0
// Two models whose outputs differ in length.
#include "report/comparison.h"

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "catch.h"
#include "data/npy.h"
#include "ir/text.h"

namespace bantam {
namespace {

// Keeps what is above the threshold.
Session detector(const std::string& threshold) {
  auto graph = parse_graph("graph {\n in %x : f32[6]\n const %t : f32[1] = [" + threshold + "]\n %above = Greater(%x, %t)\n %y = Compress(%x, %above) {axis=0}\n out %y\n}\n");
  REQUIRE(graph.ok());
  auto session = Session::of_graph(*graph);
  REQUIRE(session.ok());
  return std::move(*session);
}

Session cutter(int length) {
  auto graph = parse_graph("graph {\n in %x : f32[6]\n const %from : i64[1] = [0]\n const %to : i64[1] = [" + std::to_string(length) + "]\n %y = Slice(%x, %from, %to, %from)\n out %y\n}\n");
  REQUIRE(graph.ok());
  auto session = Session::of_graph(*graph);
  REQUIRE(session.ok());
  return std::move(*session);
}

Result<void> compare(Session& a, Session& b, Report& report) {
  const auto path = std::filesystem::temp_directory_path() / ("bantam_comparison_" + std::to_string(::getpid()) + ".npy");
  const auto bytes = write_npy(Tensor::of_floats({2, 6}, std::vector<float>{0.6f, 0.9f, 0.1f, 0.8f, 0.2f, 0.3f, 0.9f, 0, 0, 0, 0, 0.9f}));
  REQUIRE(bytes.ok());
  std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes->data()), static_cast<std::streamsize>(bytes->size()));
  auto data = Dataset::open(path.string(), a.inputs(), {});
  std::filesystem::remove(path);
  REQUIRE(data.ok());
  return compare_sessions(a, b, **data, {.cost = false}, report);
}

}  // namespace

TEST_CASE("what one model alone finds counts as error, and is said", "[report]") {
  Session low = detector("0.5"), high = detector("0.7");
  Report report;
  REQUIRE(compare(low, high, report).ok());  // [0.6, 0.9, 0.8] against [0.9, 0.8], and the same twice
  REQUIRE(report.outputs.size() == 1);
  CHECK(std::fabs(report.outputs[0].sqnr_db - 10 * std::log10((0.36 + 0.81 + 0.64 + 1.62) / (0.09 + 0.01 + 0.64))) < 0.01);
  CHECK_FALSE(report.outputs[0].agreement);
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.warnings[0].text == "output \"y\" has another length in 1 of 2 samples; what one side alone has counts as error");
}

TEST_CASE("outputs of lengths that are known, and differ, are not compared", "[report]") {
  Session longer = cutter(4), shorter = cutter(3);
  Report report;
  CHECK_FALSE(compare(longer, shorter, report).ok());
}

}  // namespace bantam
