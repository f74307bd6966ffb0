// SPDX-License-Identifier: Apache-2.0
// Blocks that learn: closer on samples that they have not seen, the same for any number of threads.
#include "learn/block_learner.h"

#include "base/random.h"
#include "catch.h"
#include "ir/text.h"
#include "learn/soft_rounding.h"

namespace bantam {
namespace {

constexpr const char* kGraph = R"(graph {
  in %x : f32[1,6,6,4]
  const %w1 : f32[8,3,3,4] q(bits=3, narrow=1, scale=0.3) = random(seed=1, lo=-0.9, hi=0.9)
  const %b1 : f32[8] = splat(0.1)
  const %w2 : f32[4,1,1,8] q(bits=3, narrow=1, scale=0.3) = random(seed=2, lo=-0.9, hi=0.9)
  %a = Conv(%x, %w1, %b1) {layout="last", pads=[1,1,1,1], lo=0}
  %c = Conv(%a, %w2) {layout="last"}
  %y = Add(%c, %x)
  out %y
})";

class RandomSamples : public SampleSource {
 public:
  explicit RandomSamples(bool grow) : grow_(grow) {}
  int64_t count() const override { return 12; }
  Result<std::vector<Tensor>> at(int64_t i) override {
    Random random(static_cast<uint64_t>(i));
    const int64_t height = grow_ && i > 3 ? 7 : 6;
    std::vector<float> values(static_cast<size_t>(height * 24));
    for (float& v : values) v = random.uniform(-1, 1);
    return std::vector<Tensor>{Tensor::of_floats({1, height, 6, 4}, values)};
  }
  std::string hash() const override { return "random"; }

 private:
  bool grow_;
};

struct Learned {
  Result<LearnedNoise> noise = LearnedNoise{};
  std::vector<Tensor> constants;
};

// With the graph's weights rounded to the nearest to begin with.
Learned learn(int threads, int batch, bool grow = false, const std::string& text = kGraph) {
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  Originals originals;
  Parameters parameters;
  for (const char* name : {"w1", "b1", "w2"}) {
    Value* v = graph->find(name);
    originals[name] = v->constant;
    if (!v->quant) {
      parameters.push_back(std::make_unique<FreeParameter>(v, 0.5));
      continue;
    }
    v->constant =
        std::make_shared<const Tensor>(decode(encode(*v->constant, *v->quant), *v->quant));
    parameters.push_back(std::make_unique<SoftRounding>(v, *originals[name], *v->quant, 1, true));
  }
  RandomSamples samples(grow);
  auto run = PairedRun::start(*graph, samples, 12, threads, originals);
  REQUIRE(run.ok());
  const auto blocks = blocks_of(*graph, 2, [](const Node& n) { return n.is("Conv"); });
  REQUIRE(blocks.size() == 1);
  for (const Node* n : blocks[0].nodes) REQUIRE(run->settle(*n, Side::real).ok());
  const LearnOptions options{.steps = 150, .batch = batch, .rate = 0.03, .threads = threads};
  Learned learned;
  learned.noise = learn_block(*run, blocks[0], parameters, {0, 1, 2, 4, 5, 6, 8, 9, 10}, {3, 7, 11},
                              options, [](double) {});
  for (const auto& p : parameters) learned.constants.push_back(p->done());
  return learned;
}

}  // namespace

TEST_CASE("a learned block comes closer to the float one on samples that it has not seen",
          "[learn]") {
  const Learned one = learn(1, 4);
  REQUIRE(one.noise.ok());
  CHECK(one.noise->before == 1);
  CHECK(one.noise->after < 0.8);
  const Learned again = learn(3, 4);
  CHECK(again.constants == one.constants);  // whatever the number of threads
  CHECK(again.noise->after == one.noise->after);
}

TEST_CASE("a block that takes one sample at a time learns all the same", "[learn]") {
  const std::string fixed = R"(graph {
    in %x : f32[1,6,6,4]
    const %w1 : f32[8,3,3,4] q(bits=3, narrow=1, scale=0.3) = random(seed=1, lo=-0.9, hi=0.9)
    const %b1 : f32[8] = splat(0.1)
    const %w2 : f32[288,4] q(bits=3, narrow=1, scale=0.3) = random(seed=2, lo=-0.9, hi=0.9)
    const %row : i64[2] = [1,288]
    %a = Conv(%x, %w1, %b1) {layout="last", pads=[1,1,1,1], lo=0}
    %r = Reshape(%a, %row)
    %y = MatMul(%r, %w2)
    out %y
  })";
  // the first block ends behind the first product that one value crosses: a graph of its own here
  auto graph = parse_graph(fixed);
  REQUIRE(graph.ok());
  std::vector<Node*> nodes = graph->nodes();
  const Block block{nodes, {graph->find("x")}, {graph->find("y")}};
  const std::vector<Value*> open = {graph->find("w2")};
  const std::vector<double> factors = {1};
  CHECK(BlockGraph::make(block, open, {{{1, 6, 6, 4}}, 1}, factors, 1).ok());
  const auto two = BlockGraph::make(block, open, {{{1, 6, 6, 4}}, 2}, factors, 1);
  REQUIRE_FALSE(two.ok());
  const Learned learned = learn(1, 3, false, fixed);
  REQUIRE(learned.noise.ok());
  CHECK(learned.noise->after < 0.9);
}

TEST_CASE("samples of other lengths are refused", "[learn]") {
  std::string open = kGraph;
  open.replace(open.find("[1,6,6,4]"), 9, "[1,?,6,4]");
  const Learned learned = learn(1, 4, true, open);
  REQUIRE_FALSE(learned.noise.ok());
  CHECK(learned.noise.error().code == Code::unsupported);
}

}  // namespace bantam
