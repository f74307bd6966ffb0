// SPDX-License-Identifier: Apache-2.0
// Which samples an error at the outputs is measured on.
#include "quant/output_error.h"

#include "catch.h"
#include "ir/text.h"

namespace bantam {
namespace {

// Seven pictures with next to nothing in them, and one with something.
class MostlyEmpty : public SampleSource {
 public:
  int64_t count() const override { return 8; }
  Result<std::vector<Tensor>> at(int64_t i) override {
    const float v = i == 5 ? 1.0f : 1e-6f;
    return std::vector<Tensor>{Tensor::of_floats({1, 4}, std::vector<float>{v, v, v, v})};
  }
  std::string hash() const override { return "mostly empty"; }
};

}  // namespace

TEST_CASE("errors are measured on samples that say something, where they are known", "[quant]") {
  auto exact = parse_graph("graph {\n in %x : f32[1,4]\n %y = Relu(%x)\n out %y\n}\n");
  auto moved = parse_graph("graph {\n in %x : f32[1,4]\n const %c : f32[1] = [0.001]\n %y = Add(%x, %c)\n out %y\n}\n");
  REQUIRE(exact.ok());
  REQUIRE(moved.ok());
  MostlyEmpty samples;
  const auto calibration = collect(*exact, samples, 1, {});
  REQUIRE(calibration.ok());
  const auto blind = OutputError::of_reference(*exact, samples, {.samples = 2});
  const auto seeing = OutputError::of_reference(*exact, samples, {.samples = 2, .calibration = calibration->get()});
  REQUIRE(blind.ok());
  REQUIRE(seeing.ok());
  CHECK(decibels(*blind->of(*moved)) < -50);  // sees the samples 2 and 6
  CHECK(decibels(*seeing->of(*moved)) > 50);
}

}  // namespace bantam
