// SPDX-License-Identifier: Apache-2.0
// The noise of parts that are rounded alone, against runs of the whole graph.
#include "quant/noise_alone.h"

#include <string>

#include "catch.h"
#include "ir/text.h"

namespace bantam {
namespace {

// A value that is read twice, an output in the middle, and an input that is read late.
constexpr const char* kGraph = R"(graph {
  in %x : f32[1,4] q(i8, scale=0.03, zero=0)
  in %late : f32[1,2] q(i8, scale=0.02, zero=3)
  const %w : f32[4,2] q(axis=1, bits=4, scale=[0.1, 0.07]) = [0.31, -0.5, 0.44, 0.2, -0.6, 0.33, 0.11, 0.25]
  %a : f32[1,2] q(i8, scale=0.05, zero=0) = MatMul(%x, %w)
  %r : f32[1,2] = Relu(%a)
  %b : f32[1,2] q(i8, scale=0.04, zero=0) = Add(%a, %r)
  %y = Mul(%b, %late)
  out %b
  out %y
})";

class ThreeSamples : public SampleSource {
 public:
  int64_t count() const override { return 3; }
  Result<std::vector<Tensor>> at(int64_t i) override {
    const float v = 0.37f + 0.21f * static_cast<float>(i);
    return std::vector<Tensor>{Tensor::of_floats({1, 4}, std::vector<float>{v, -v, 2 * v, 0.1f}),
                               Tensor::of_floats({1, 2}, std::vector<float>{v, 1 - v})};
  }
  std::string hash() const override { return "three"; }
};

// All but the part is made exact, and the whole graph run.
double noise_of_whole(const Graph& graph, const OutputError& error, const RoundedPart& part) {
  Graph copy = graph.clone();
  for (Value* v : copy.values()) {
    if (!part.values.count(v->name)) v->quant.reset();
    else if (part.numbers.count(v->name)) v->constant = part.numbers.at(v->name);
  }
  const auto noise = error.of(copy);
  REQUIRE(noise.ok());
  return *noise;
}

}  // namespace

TEST_CASE("noise of parts alone is that of whole runs", "[quant]") {
  auto graph = parse_graph(kGraph);
  REQUIRE(graph.ok());
  Graph exact = graph->clone();
  for (Value* v : exact.values()) v->quant.reset();
  ThreeSamples samples;
  const auto error = OutputError::of_reference(exact, samples, {.samples = 3});
  REQUIRE(error.ok());
  const auto other = std::make_shared<const Tensor>(
      Tensor::of_floats({4, 2}, std::vector<float>{0.3f, -0.49f, 0.5f, 0.21f, -0.6f, 0.35f, 0.1f, 0.28f}));
  const std::vector<RoundedPart> parts = {{{"b"}, {}},      {{"x"}, {}}, {{"late"}, {}},        {{"w"}, {}},
                                          {{"a", "b"}, {}}, {{}, {}},    {{"w"}, {{"w", other}}}};
  double last = 0;
  const auto noise = noise_alone(*graph, *error, parts, 1, [&](double done) { last = done; });
  REQUIRE(noise.ok());
  CHECK(last == 1);
  for (size_t i = 0; i < parts.size(); ++i) {
    CAPTURE(i);
    CHECK((*noise)[i] == Approx(noise_of_whole(*graph, *error, parts[i])));
    CHECK(((*noise)[i] > 0) == !parts[i].values.empty());
  }
}

}  // namespace bantam
