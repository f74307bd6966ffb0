// SPDX-License-Identifier: Apache-2.0
// Samples whose colours are in the wrong order. What scale and mean do is in check_data.golden.
#include "base/random.h"
#include "catch.h"
#include "ir/text.h"
#include "pass/runner.h"

namespace bantam {
namespace {

// Pictures whose colours have these means, and a deviation of 1.
class Pictures : public SampleSource {
 public:
  explicit Pictures(std::vector<float> means) : means_(std::move(means)) {}
  int64_t count() const override { return 4; }
  Result<std::vector<Tensor>> at(int64_t i) override {
    Random random(static_cast<uint64_t>(i) + 1);
    std::vector<float> values;
    for (const float mean : means_)
      for (int k = 0; k < 64; ++k) values.push_back(mean + random.uniform(-1.732f, 1.732f));
    return std::vector<Tensor>{Tensor::of_floats({1, 3, 8, 8}, values)};
  }
  std::string hash() const override { return "pictures"; }

 private:
  std::vector<float> means_;
};

std::vector<Warning> warnings_for(const std::vector<float>& means) {
  auto graph = parse_graph(
      "graph {\n in %x : f32[1,3,8,8]\n const %one : f32[3] = [1, 1, 1]\n const %zero : f32[3] = [0, 0, 0]\n"
      " const %mean : f32[3] = [0.5, 0.25, 0]\n"
      " %y = BatchNormalization(%x, %one, %zero, %mean, %one) @\"norm\"\n out %y\n}\n");
  REQUIRE(graph.ok());
  const auto steps = parse_recipe("check-data", false);
  REQUIRE(steps.ok());
  Pictures pictures(means);
  PassContext ctx;
  ctx.data = &pictures;
  REQUIRE(run_recipe(*graph, *steps, ctx, {}).ok());
  return ctx.warnings;
}

TEST_CASE("colours in the wrong order are suspected, in the right one they are not", "[passes]") {
  CHECK(warnings_for({0.5f, 0.25f, 0.0f}).empty());
  const auto wrong = warnings_for({0.0f, 0.25f, 0.5f});
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].layer == "norm");
  CHECK(wrong[0].text.find("the colours of the calibration samples may be in the wrong order") == 0);
}

TEST_CASE("colours that are far off and in the wrong order are told apart from a wrong scale", "[passes]") {
  const auto wrong = warnings_for({-127.5f, 127.5f * 0.25f, 127.5f * 0.5f});
  REQUIRE(wrong.size() == 1);
  CHECK(wrong[0].text.find("do not look like the data that the model was trained with") != std::string::npos);
}

}  // namespace
}  // namespace bantam
