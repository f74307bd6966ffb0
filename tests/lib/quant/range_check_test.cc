// SPDX-License-Identifier: Apache-2.0
// Samples that are enough, and samples that are not.
#include "quant/range_check.h"

#include <algorithm>

#include "catch.h"
#include "ir/text.h"
#include "quant/calibration.h"

namespace bantam {
namespace {

constexpr const char* kAnnotated =
    "graph {\n in %x : f32[64] q(i8, scale=1)\n const %w : f32[64,1] = random(seed=1)\n"
    " %y = MatMul(%x, %w) integer\n out %y\n}\n";

// Each sample is a ramp from 0 to one of the ends.
class Ramps : public SampleSource {
 public:
  explicit Ramps(std::vector<float> ends) : ends_(std::move(ends)) {}
  int64_t count() const override { return static_cast<int64_t>(ends_.size()); }
  Result<std::vector<Tensor>> at(int64_t i) override {
    std::vector<float> values;
    for (int k = 0; k < 64; ++k)
      values.push_back(ends_[static_cast<size_t>(i)] * static_cast<float>(k) / 63);
    return std::vector<Tensor>{Tensor::of_floats({64}, values)};
  }
  std::string hash() const override { return "ramps"; }

 private:
  std::vector<float> ends_;
};

RangeCheck check_of(std::vector<float> ends) {
  const auto graph = parse_graph(kAnnotated);
  REQUIRE(graph.ok());
  Ramps samples(std::move(ends));
  const auto calibration = collect(*graph, samples, 1, {});
  REQUIRE(calibration.ok());
  return RangeCheck::of(*graph, **calibration);
}

}  // namespace

TEST_CASE("ranges of equal samples are settled with the first of them", "[quant]") {
  const RangeCheck check = check_of(std::vector<float>(20, 3));
  CHECK(check.samples == 20);
  CHECK(check.values == 1);
  CHECK(check.enough == 1);
  CHECK(check.growing.empty());
  CHECK_FALSE(check.is_too_few());
}

TEST_CASE("the first samples are too small, and half of them are enough", "[quant]") {
  std::vector<float> ends(32, 5);
  ends[0] = ends[1] = 1;  // 2 samples clip what the others have; 4 do not
  CHECK(check_of(ends).enough == 4);
}

TEST_CASE("samples of which each reaches further than the last are too few", "[quant]") {
  const RangeCheck check = check_of({1, 2, 4, 8, 16, 32, 64, 128});
  CHECK(check.enough == 0);
  REQUIRE(check.growing.size() == 1);
  CHECK(check.growing[0].value == "x");
  CHECK(check.is_too_few());
}

TEST_CASE("one sample says nothing about others", "[quant]") {
  const RangeCheck check = check_of({1});
  CHECK_FALSE(check.is_possible());
  CHECK_FALSE(check.is_too_few());
}

TEST_CASE("parts of the samples add up to all of them", "[quant]") {
  const auto graph = parse_graph(kAnnotated);
  REQUIRE(graph.ok());
  Ramps samples({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const auto calibration = collect(*graph, samples, 1, {});
  REQUIRE(calibration.ok());
  std::vector<int64_t> sizes;
  Histogram sum;
  for (const Calibration::Part& part : (*calibration)->parts) {
    sizes.push_back(part.samples);
    sum.merge(part.values.at("x"));
  }
  CHECK(sizes == std::vector<int64_t>{1, 1, 2, 1, 6});
  const Histogram& all = (*calibration)->values.at("x");
  CHECK(sum.count() == all.count());
  CHECK(sum.max() == 11);
  CHECK(sum.quantile(0.3) == all.quantile(0.3));
}

}  // namespace bantam
