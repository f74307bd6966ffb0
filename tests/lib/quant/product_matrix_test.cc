// SPDX-License-Identifier: Apache-2.0
// Rows of weights times gathered columns must be what the operator itself computes.
#include "quant/product_matrix.h"

#include "base/random.h"
#include "catch.h"
#include "eval/session.h"
#include "ir/text.h"

namespace bantam {
namespace {

Tensor random_tensor(const Shape& shape, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(static_cast<size_t>(element_count(shape)));
  for (float& v : values) v = random.uniform(-1, 1);
  return Tensor::of_floats(shape, values);
}

// The outputs of the only node, row by row and column by column, against those of the runtime.
void check(const std::string& shape, const std::string& weight, const std::string& product,
           size_t groups, size_t depth) {
  auto graph = parse_graph("graph {\n  in %x : f32" + shape + "\n  const %w : f32" + weight +
                           " = random(seed=2)\n  %y = " + product + "\n  out %y\n}\n");
  if (!graph.ok()) FAIL(graph.error().message);
  const Node& node = *graph->nodes().at(0);
  const auto matrix = ProductMatrix::of(node);
  REQUIRE(matrix);
  CHECK(matrix->groups() == groups);
  CHECK(matrix->depth() == depth);
  const Tensor x = random_tensor(*graph->inputs()[0]->shape, 3);
  auto session = Session::of_graph(*graph);
  if (!session.ok()) FAIL(session.error().message);
  const auto outputs = session->run(std::vector<Tensor>{x});
  if (!outputs.ok()) FAIL(outputs.error().message);
  const Tensor& y = outputs->at(0);
  const size_t channels = matrix->groups() * matrix->rows();
  const auto columns = static_cast<size_t>(matrix->columns(y));
  REQUIRE(columns * channels == y.floats().size());
  const bool first = node.is("Conv") && node.attr_word("layout") == "first";
  const size_t per_image = columns / static_cast<size_t>(first ? y.shape()[0] : 1);
  std::vector<float> column(depth);
  for (size_t c = 0; c < columns; ++c)
    for (size_t r = 0; r < channels; ++r) {
      matrix->gather(x, y, static_cast<int64_t>(c), r / matrix->rows(), column.data());
      float sum = 0;
      for (size_t k = 0; k < depth; ++k)
        sum += column[k] * node.inputs[1]->constant->floats()[matrix->element(r, k)];
      const size_t at = first ? (c / per_image * channels + r) * per_image + c % per_image
                              : c * channels + r;
      CHECK(sum == Approx(y.floats()[at]).margin(1e-5));
    }
}

TEST_CASE("columns of a matrix product are its lines of input", "[quant]") {
  check("[2,3,4]", "[4,5]", "MatMul(%x, %w)", 1, 4);
  check("[3,4]", "[4,5]", "Gemm(%x, %w)", 1, 4);
  check("[3,4]", "[5,4]", "Gemm(%x, %w) {transB=1}", 1, 4);
}

TEST_CASE("columns of a convolution are its patches", "[quant]") {
  check("[2,3,5,4]", "[4,3,3,2]", "Conv(%x, %w)", 1, 18);
  check("[1,4,5,6]", "[6,2,3,3]", "Conv(%x, %w) {group=2, pads=[1,1,1,1], strides=[2,1]}", 2, 18);
  check("[2,5,4,3]", "[4,3,2,3]", "Conv(%x, %w) {layout=\"last\", pads=[2,0,1,1]}", 1, 18);
  check("[1,6,7,4]", "[4,3,3,1]", "Conv(%x, %w) {group=4, layout=\"last\", dilations=[2,1]}", 4, 9);
  check("[1,5,5,2]", "[3,2,2,2]", "Conv(%x, %w) {auto_pad=\"SAME_UPPER\", layout=\"last\"}", 1, 8);
  check("[1,2,5,5]", "[3,2,2,2]", "Conv(%x, %w) {auto_pad=\"SAME_LOWER\", strides=[2,2]}", 1, 8);
  check("[2,3,9]", "[4,3,4]", "Conv(%x, %w) {strides=[3]}", 1, 12);
  check("[1,2,3,4,5]", "[2,2,2,2,2]", "Conv(%x, %w) {auto_pad=\"VALID\"}", 1, 16);
}

TEST_CASE("other nodes are no such product", "[quant]") {
  const auto graph = parse_graph(R"(graph {
  in %x : f32[4,4]
  const %w : f32[2,4,4] = random(seed=2)
  %a = MatMul(%x, %w)
  %b = MatMul(%x, %x)
  %c = Gemm(%x, %x)
  %d = Relu(%x)
  out %a
  out %b
  out %c
  out %d
}
)");
  if (!graph.ok()) FAIL(graph.error().message);
  for (const Node* n : graph->nodes()) CHECK(!ProductMatrix::of(*n));
}

}  // namespace
}  // namespace bantam
