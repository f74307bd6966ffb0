// SPDX-License-Identifier: Apache-2.0
// Gradients of every operator that has a rule, against differences of the operator itself.
#include "grad/gradient.h"

#include <cmath>
#include <set>

#include "base/random.h"
#include "catch.h"
#include "eval/session.h"
#include "grad/tape.h"
#include "ir/text.h"

namespace bantam {
namespace {

// Each is differentiated with respect to all its inputs of floats.
constexpr const char* kGraphs[] = {
    // products
    R"(in %x : f32[2,5,6,3]
       in %w : f32[4,3,3,3]
       in %b : f32[4]
       %y = Conv(%x, %w, %b) {layout="last", pads=[1,1,1,1]})",
    R"(in %x : f32[1,7,7,4]
       in %w : f32[6,3,3,2]
       %y = Conv(%x, %w) {layout="last", group=2, strides=[2,2], pads=[1,0,1,2]})",
    R"(in %x : f32[1,8,7,3]
       in %w : f32[3,3,3,1]
       in %b : f32[3]
       %y = Conv(%x, %w, %b) {layout="last", group=3, strides=[2,2], auto_pad="SAME_UPPER", lo=0, hi=1.5})",
    R"(in %x : f32[1,9,9,2]
       in %w : f32[2,3,3,1]
       %y = Conv(%x, %w) {layout="last", group=2, dilations=[2,2], pads=[2,2,2,2]})",
    R"(in %x : f32[2,3,4,5]
       in %w : f32[6,1,1,5]
       %y = Conv(%x, %w) {layout="last", lo=-0.5})",
    R"(in %x : f32[1,40,40,2]
       in %w : f32[3,1,1,2]
       %y = Conv(%x, %w) {layout="last"})",
    R"(in %x : f32[1,5,5,3]
       in %w : f32[2,1,1,3]
       %y = Conv(%x, %w) {layout="last", strides=[2,2]})",
    R"(in %a : f32[2,3,4]
       in %b : f32[4,5]
       in %c : f32[5]
       %y = MatMul(%a, %b, %c) {lo=-1, hi=1})",
    R"(in %a : f32[2,2,3,4]
       in %b : f32[2,1,4,3]
       %y = MatMul(%a, %b))",
    R"(in %a : f32[3,4]
       in %b : f32[5,4]
       in %c : f32[5]
       %y = Gemm(%a, %b, %c) {transB=1, lo=0})",
    R"(in %a : f32[3,4]
       in %b : f32[4,5]
       %y = Gemm(%a, %b))",
    // elementwise
    R"(in %a : f32[2,3,4]
       in %b : f32[3,1]
       %y = Add(%a, %b) {lo=0, hi=1})",
    R"(in %a : f32[4]
       in %b : f32[2,3,4]
       %y = Sub(%a, %b))",
    R"(in %a : f32[2,3,4]
       in %b : f32[2,1,4]
       %y = Mul(%a, %b))",
    R"(in %a : f32[2,3]
       in %x : f32[2,3]
       const %two : f32[] = splat(2)
       %b = Add(%x, %two)
       %y = Div(%a, %b))",
    R"(in %x : f32[12]
       %a = Neg(%x)
       %b = Exp(%a)
       %c = Log(%b)
       %d = Abs(%c)
       const %one : f32[] = splat(1)
       %e = Add(%d, %one)
       %y = Sqrt(%e))",
    R"(in %x : f32[12]
       %a = Erf(%x)
       %y = Gelu(%a))",
    R"(in %x : f32[12]
       %a = Sigmoid(%x)
       %y = Tanh(%a))",
    R"(in %x : f32[12]
       %y = Swish(%x) {alpha=1.5})",
    R"(in %x : f32[24]
       const %four : f32[] = splat(4)
       %a = Mul(%x, %four)
       %y = HardSwish(%a))",
    R"(in %x : f32[24]
       const %three : f32[] = splat(3)
       %a = Mul(%x, %three)
       %y = HardSigmoid(%a) {alpha=0.3})",
    R"(in %x : f32[12]
       %a = LeakyRelu(%x) {alpha=0.1}
       const %slope : f32[] = splat(0.25)
       %y = PRelu(%a, %slope))",
    R"(in %x : f32[12]
       %a = Relu(%x)
       const %hi : f32[] = splat(0.7)
       %y = Clip(%a, _, %hi))",
    // moves
    R"(in %x : f32[2,3,4]
       const %s : i64[2] = [6,4]
       %a = Reshape(%x, %s)
       %b = Flatten(%a)
       %c = Transpose(%b) {perm=[1,0]}
       const %axis : i64[1] = [0]
       %d = Unsqueeze(%c, %axis)
       %e = Squeeze(%d, %axis)
       %f = Identity(%e)
       %g = Dropout(%f)
       %y = Mul(%g, %g))",
    R"(in %a : f32[2,3]
       in %b : f32[2,2]
       %c = Concat(%a, %b, %a) {axis=1}
       %y = Mul(%c, %c))",
    R"(in %x : f32[2,6]
       const %lengths : i64[2] = [2,4]
       %a, %y = Split(%x, %lengths) {axis=1})",
    R"(in %x : f32[3,9]
       const %start : i64[2] = [-2,1]
       const %end : i64[2] = [3,8]
       const %axes : i64[2] = [0,1]
       const %steps : i64[2] = [1,3]
       %y = Slice(%x, %start, %end, %axes, %steps))",
    R"(in %x : f32[2,3]
       const %pads : i64[4] = [1,0,0,2]
       %a = Pad(%x, %pads)
       %y = Mul(%a, %a))",
    R"(in %x : f32[2,4]
       const %order : i64[3] = [3,0,-2]
       %y = Gather(%x, %order) {axis=1})",
    R"(in %x : f32[1,2,3,8]
       %y = DepthToSpace(%x) {blocksize=2, layout="last"})",
    R"(in %x : f32[1,2,3,2]
       const %scales : f32[4] = [1,2,3,1]
       %y = Resize(%x, _, %scales))",
    R"(in %x : f32[1,2,3,2]
       const %scales : f32[4] = [1,2,2,1]
       %y = Resize(%x, _, %scales) {coordinate_transformation_mode="asymmetric", nearest_mode="floor"})",
    // normalization
    R"(in %x : f32[2,3,4]
       %y = Softmax(%x) {axis=1})",
    R"(in %x : f32[3,8]
       in %gain : f32[8]
       in %shift : f32[8]
       %y = LayerNormalization(%x, %gain, %shift))",
    // pools
    R"(in %x : f32[2,5,6,2]
       %y = MaxPool(%x) {layout="last", kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]})",
    R"(in %x : f32[1,5,6,2]
       %y = AveragePool(%x) {layout="last", kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]})",
    R"(in %x : f32[1,4,4,2]
       %y = AveragePool(%x) {layout="last", kernel_shape=[2,2], pads=[1,0,1,0], count_include_pad=1})",
    R"(in %x : f32[2,3,4,5]
       %y = GlobalAveragePool(%x) {layout="last"})",
    R"(in %x : f32[2,3,4,5]
       const %axes : i64[2] = [1,-2]
       %a = ReduceMean(%x, %axes) {keepdims=0}
       const %last : i64[1] = [1]
       %y = ReduceSum(%a, %last))",
};

Result<Graph> graph_of(const char* body) {
  return parse_graph(std::string("graph {\n") + body + "\n out %y\n}");
}

Tensor random_tensor(const Shape& shape, Random& random) {
  std::vector<float> values(static_cast<size_t>(element_count(shape)));
  for (float& v : values) v = random.uniform(-1, 1);
  return Tensor::of_floats(shape, values);
}

// What the gradients are of: the sum of y * dy.
double weighted(Session& session, const std::vector<Tensor>& inputs, const Tensor& dy) {
  const auto y = session.run(inputs);
  REQUIRE(y.ok());
  double sum = 0;
  for (int64_t i = 0; i < dy.count(); ++i) sum += y->at(0).number(i) * dy.number(i);
  return sum;
}

double slope(Session& session, std::vector<Tensor> inputs, size_t input, size_t element,
             const Tensor& dy) {
  constexpr float kStep = 0x1p-9f;
  std::vector<float> values(inputs[input].floats().begin(), inputs[input].floats().end());
  const float middle = values[element];
  double ends[2];
  for (int side = 0; side < 2; ++side) {
    values[element] = side ? middle + kStep : middle - kStep;
    inputs[input] = Tensor::of_floats(inputs[input].shape(), values);
    ends[side] = weighted(session, inputs, dy);
  }
  return (ends[1] - ends[0]) / (2 * static_cast<double>(kStep));
}

// The gradients that the tape computes, of the sum of y * dy.
std::vector<Tensor> gradients_of(const Graph& graph, std::vector<Tensor> inputs, const Tensor& dy) {
  Graph with = graph.clone();
  Value* y = with.outputs()[0];
  const std::vector<Value*> wanted = with.inputs();
  Value* seed = with.add_input("dy", BT_F32, y->shape);
  const auto gradients = add_gradients(with, {{y, seed}}, wanted);
  REQUIRE(gradients.ok());
  for (Value* v : *gradients) {
    REQUIRE(v);
    const auto copy = with.append("Identity", "", {v}, {}, {"gradient"});
    REQUIRE(copy.ok());
    with.add_output((*copy)->output());
  }
  auto session = Session::of_graph(with);
  REQUIRE(session.ok());
  inputs.push_back(dy);
  auto results = session->run(inputs);
  REQUIRE(results.ok());
  results->erase(results->begin());
  return std::move(*results);
}

void check(const char* text) {
  INFO(text);
  const auto graph = graph_of(text);
  if (!graph.ok()) FAIL(graph.error().message);
  Random random(7);
  std::vector<Tensor> inputs;
  for (const Value* v : graph->inputs()) inputs.push_back(random_tensor(*v->shape, random));
  const Tensor dy = random_tensor(*graph->outputs()[0]->shape, random);
  const auto gradients = gradients_of(*graph, inputs, dy);
  auto session = Session::of_graph(*graph);
  REQUIRE(session.ok());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto got = gradients[i].floats();
    REQUIRE(gradients[i].shape() == inputs[i].shape());
    double size = 0.1;
    for (const float v : got) size = std::max(size, std::abs(static_cast<double>(v)));
    for (size_t k = 0; k < got.size(); k += 1 + got.size() / 40) {
      INFO("input " << i << ", element " << k);
      CHECK(std::abs(static_cast<double>(got[k]) - slope(*session, inputs, i, k, dy)) <
            0.004 * size);
    }
  }
}

}  // namespace

TEST_CASE("gradients are the slopes of every operator that has a rule", "[grad]") {
  std::set<std::string> seen;
  for (const char* text : kGraphs) {
    check(text);
    const auto graph = graph_of(text);
    for (const Node* n : graph->nodes()) seen.insert(n->op->name);
  }
  seen.insert("FakeQuantize");  // has no slope: see below
  for (const auto* list : {&convolution_rules(), &elementwise_rules(), &matrix_rules(),
                           &move_rules(), &norm_rules(), &pool_rules()})
    for (const GradientRule& rule : *list) CHECK(seen.count(rule.op) == 1);
}

TEST_CASE("rounding is passed straight through, but not where it clips", "[grad]") {
  const auto graph =
      graph_of("in %x : f32[5]\n %y = FakeQuantize(%x) {scale=0.5, zero=2, lo=-2, hi=4}");
  REQUIRE(graph.ok());
  const Tensor x = Tensor::of_floats({5}, std::vector<float>{-2.4f, -2.1f, 0.2f, 1.2f, 1.3f});
  const Tensor dy = Tensor::of_floats({5}, std::vector<float>{1, 2, 3, 4, 5});
  const auto gradient = gradients_of(*graph, {x}, dy).at(0);
  CHECK(gradient == Tensor::of_floats({5}, std::vector<float>{0, 2, 3, 4, 0}));
}

TEST_CASE("a value that nothing depends on has no gradient, an operator without a rule is named",
          "[grad]") {
  auto graph = graph_of(
      "in %x : f32[3]\n in %z : f32[3]\n %a = Relu(%x)\n %b = Relu(%z)\n %c = Cos(%b)\n %y = "
      "Add(%a, %a)");
  REQUIRE(graph.ok());
  Value *y = graph->find("y"), *x = graph->find("x"), *z = graph->find("z");
  const auto some = add_gradients(*graph, {{y, x}}, {x, z});
  REQUIRE(some.ok());
  CHECK(some->at(0));
  CHECK_FALSE(some->at(1));
  const auto none = add_gradients(*graph, {{graph->find("c"), x}}, {z});
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == Code::unsupported);
  CHECK(none.error().message.find("Cos") != std::string::npos);
}

}  // namespace bantam
