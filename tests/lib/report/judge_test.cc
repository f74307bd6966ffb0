// SPDX-License-Identifier: Apache-2.0
// What a report warns of, and which layer it blames.
#include "report/judge.h"

#include "catch.h"

namespace bantam {
namespace {

LayerRow layer(const char* name, const char* arithmetic, double sqnr_db, double share) {
  LayerRow row;
  row.name = name, row.op = "Conv", row.arithmetic = arithmetic;
  row.sqnr_db = sqnr_db, row.share = share;
  return row;
}

OutputQuality output(double sqnr_db) {
  OutputQuality o;
  o.name = "y", o.sqnr_db = sqnr_db;
  return o;
}

TEST_CASE("a report within its limits warns of nothing", "[report]") {
  Report report;
  report.outputs = {output(20)};
  report.metric = MetricResult{.name = "top1", .reference = 0.8, .compressed = 0.795, .n = 200};
  report.layers = {layer("a", "int8", 15, 0.9)};
  judge(report);
  CHECK(report.warnings.empty());
}

TEST_CASE("the error budget tells which layer to blame", "[report]") {
  Report report;
  report.outputs = {output(12)};
  report.layers = {layer("first", "int8", 10, 0.2), layer("second", "int8", 30, 0.8)};
  judge(report);
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.warnings[0].layer == "second");
  CHECK(report.warnings[0].text.find("80 % of the noise comes from \"second\" (Conv)") != std::string::npos);
  CHECK(report.warnings[0].flag == "--keep-float \"second\"");
}

TEST_CASE("without a budget the integer layer where noise grows most is to blame", "[report]") {
  Report report;
  report.metric = MetricResult{.name = "psnr", .reference = 30.4, .compressed = 29.8, .n = 20};
  report.layers = {layer("first", "int8", 30, 0), layer("second", "float", 10, 0), layer("third", "int16", 9, 0)};
  judge(report);
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.warnings[0].layer == "third");
  CHECK(report.warnings[0].text.starts_with("PSNR against the targets falls by 0.60 dB; the error grows most in"));
}

TEST_CASE("labels on which the float model fails are doubted", "[report]") {
  Report report;
  report.metric = MetricResult{.name = "top1", .reference = 0.015, .compressed = 0.03, .n = 200};
  judge(report);
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.warnings[0].text == "the float model itself is right on 1.50 % of 200 samples (top1): its labels may be shifted, or not its own");
  report.metric->reference = 0.1;
  CHECK(doubt_of_labels(report).empty());
  report.metric = MetricResult{.name = "psnr", .reference = 0.05, .n = 200};
  CHECK(doubt_of_labels(report).empty());
}

TEST_CASE("a shortfall of unknown cause is still a warning", "[report]") {
  Report report;
  report.metric = MetricResult{.name = "top1", .reference = 0.615, .compressed = 0.585, .n = 200};
  judge(report);
  REQUIRE(report.warnings.size() == 1);
  CHECK(report.warnings[0].layer.empty());
  CHECK(report.warnings[0].text == "top1 falls by 3.00 points");
}

}  // namespace
}  // namespace bantam
