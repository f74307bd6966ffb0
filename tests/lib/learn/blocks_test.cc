// SPDX-License-Identifier: Apache-2.0
// Where a graph is cut into blocks.
#include "learn/blocks.h"

#include "catch.h"
#include "ir/text.h"

namespace bantam {
namespace {

std::vector<std::string> names(const std::vector<Value*>& values) {
  std::vector<std::string> list;
  for (const Value* v : values) list.push_back(v->name);
  return list;
}

bool is_product(const Node& n) { return n.is("MatMul"); }

}  // namespace

TEST_CASE("blocks end where one value carries everything over", "[learn]") {
  const auto graph = parse_graph(R"(graph {
    in %x : f32[1,2]
    const %w : f32[2,2] = [1, 2, 3, 4]
    %a = MatMul(%x, %w)
    %b = Relu(%a)
    %c = MatMul(%b, %w)
    %d = Add(%c, %x)
    %e = MatMul(%d, %w)
    %f = MatMul(%e, %w)
    %g = Add(%f, %d)
    %y = Softmax(%g)
    out %y
  })");
  REQUIRE(graph.ok());
  const auto blocks = blocks_of(*graph, 2, is_product);
  REQUIRE(blocks.size() == 3);
  CHECK(names(blocks[0].inputs) == std::vector<std::string>{"x"});
  CHECK(names(blocks[0].outputs) == std::vector<std::string>{"d"});
  CHECK(names(blocks[1].inputs) == std::vector<std::string>{"d"});
  CHECK(names(blocks[1].outputs) == std::vector<std::string>{"g"});
  CHECK(names(blocks[2].outputs) == std::vector<std::string>{"y"});  // no product: nothing to learn
  size_t nodes = 0;
  for (const Block& b : blocks) nodes += b.nodes.size();
  CHECK(nodes == graph->node_count());
}

TEST_CASE("without such a place a block ends where the fewest values cross", "[learn]") {
  const auto graph = parse_graph(R"(graph {
    in %x : f32[1,2]
    in %z : f32[1,2]
    const %w : f32[2,2] = [1, 2, 3, 4]
    %a = MatMul(%x, %w)
    %b = Add(%a, %x)
    %c = MatMul(%b, %w)
    %d = MatMul(%c, %w)
    %e = Mul(%d, %b)
    %y = Mul(%e, %z)
    out %a
    out %y
  })");
  REQUIRE(graph.ok());
  const auto blocks = blocks_of(*graph, 1, is_product);
  REQUIRE(blocks.size() == 2);
  CHECK(names(blocks[0].outputs) ==
        std::vector<std::string>{"a", "b"});  // a leaves the graph there
  CHECK(names(blocks[1].inputs) == std::vector<std::string>{"b", "z"});
}

}  // namespace bantam
