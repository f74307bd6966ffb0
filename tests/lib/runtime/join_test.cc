// SPDX-License-Identifier: Apache-2.0
// Values that only a Concat reads are made in their place in its result, and nobody can tell.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "catch.h"
#include "eval/session.h"
#include "ir/text.h"
#include "random_samples.h"
#include "runtime/session.h"

namespace bantam {
namespace {

Graph parsed(const std::string& text) {
  auto graph = parse_graph(text);
  if (!graph.ok()) FAIL(graph.error().message);
  return std::move(*graph);
}

// The values whose bytes are a part of another's.
std::vector<std::string> moved(const Graph& graph) {
  const Program program(graph);
  const bt_graph& g = program.graph();
  bt_session* session = nullptr;
  REQUIRE(bt_session_from_graph(&g, nullptr, &session) == BT_OK);
  const std::vector<Tensor> inputs = random_inputs(graph);
  std::vector<bt_tensor> views;
  std::vector<const bt_tensor*> pointers;
  for (const Tensor& t : inputs) {
    bt_tensor& view = views.emplace_back(bt_tensor{.dtype = t.dtype(), .rank = static_cast<int>(t.shape().size())});
    std::copy(t.shape().begin(), t.shape().end(), view.dims);
    view.data = const_cast<uint8_t*>(t.bytes().data());  // only read
  }
  for (const bt_tensor& t : views) pointers.push_back(&t);
  REQUIRE(bt_frame_run(session->main, pointers.data()) == BT_OK);
  std::vector<std::string> names;
  for (int i = 0; i < g.n_values; ++i)
    if (session->main->slots[i].view_of >= 0) names.emplace_back(g.values[i].name);
  bt_session_destroy(session);
  return names;
}

// Every value as the tap shows it.
std::map<std::string, std::vector<float>> values(const Graph& graph) {
  auto session = Session::of_graph(graph, {.threads = 2});
  if (!session.ok()) FAIL(session.error().message);
  std::map<std::string, std::vector<float>> all;
  session->set_tap([&](const Tapped& t) { all[t.name] = t.reals(); });
  auto out = session->run(random_inputs(graph));
  if (!out.ok()) FAIL(out.error().message);
  return all;
}

// `text` ends with "out %y\n}\n"; `parts` are what should be moved. Where they are results as well they
// cannot be, and every value must come out the same.
void check(const std::string& text, const std::vector<std::string>& parts) {
  INFO(text);
  const Graph graph = parsed(text);
  CHECK(moved(graph) == parts);
  std::string kept = text.substr(0, text.rfind('}'));
  for (const std::string& part : parts) kept += "  out %" + part + "\n";
  const Graph plain = parsed(kept + "}\n");
  CHECK(moved(plain).empty());
  CHECK(values(graph) == values(plain));
}

std::string graph_of(const std::string& body) { return "graph joins {\n" + body + "  out %y\n}\n"; }

}  // namespace

TEST_CASE("convolutions write their channels between those of others", "[runtime]") {
  check(graph_of(R"(  in %x : f32[2,5,6,3]
  const %w : f32[4,1,1,3] = random(seed=1)
  const %v : f32[7,3,3,3] = random(seed=2)
  const %d : f32[3,3,3,1] = random(seed=3)
  %a : f32[2,5,6,4] = Conv(%x, %w) {layout="last", lo=0}
  %b : f32[2,5,6,7] = Conv(%x, %v) {layout="last", pads=[1,1,1,1]}
  %c : f32[2,5,6,3] = Conv(%x, %d) {group=3, layout="last", pads=[1,1,1,1]}
  %r : f32[2,5,6,3] = Relu(%x)
  %y : f32[2,5,6,17] = Concat(%a, %r, %b, %c) {axis=-1}
)"),
        {"a", "b", "c"});  // Relu writes whole values only
}

TEST_CASE("quantized convolutions too, unless the join rescales", "[runtime]") {
  check(graph_of(R"(  in %x : i8[1,5,6,8] q(scale=0.5)
  const %w : i8[4,1,1,8] q(scale=0.25) = random(seed=1, lo=-9, hi=9)
  const %v : i8[6,1,1,8] q(scale=0.25) = random(seed=2, lo=-9, hi=9)
  %a : i8[1,5,6,4] q(scale=0.5, zero=3) = Conv(%x, %w) {layout="last"}
  %b : i8[1,5,6,6] q(scale=0.25, zero=3) = Conv(%x, %v) {layout="last"}
  %y : i8[1,5,6,10] q(scale=0.5, zero=3) = Concat(%a, %b) {axis=3}
)"),
        {"a"});
}

TEST_CASE("along the first axis that is not 1, any operator can", "[runtime]") {
  check(graph_of(R"(  in %x : f32[1,3,4,5]
  const %from : i64[1] = [1]
  const %to : i64[1] = [3]
  %a : f32[1,3,4,5] = Relu(%x)
  %c : f32[1,2,4,5] = Slice(%x, %from, %to, %from)
  %y : f32[1,5,4,5] = Concat(%a, %c) {axis=1}
)"),
        {"a", "c"});
}

TEST_CASE("what others read, and a join of joins, stay where they are", "[runtime]") {
  check(graph_of(R"(  in %x : f32[6]
  %a : f32[6] = Neg(%x)
  %b : f32[6] = Exp(%a)
  %i : f32[12] = Concat(%a, %b) {axis=0}
  %t : f32[6] = Tanh(%x)
  %y : f32[24] = Concat(%i, %t, %t) {axis=0}
)"),
        {"b"});
}

}  // namespace bantam
