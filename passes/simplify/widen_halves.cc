// SPDX-License-Identifier: Apache-2.0
// Gives a model in float16 or bfloat16 floats of 32 bits, which is what quantization works on. Inputs and
// outputs keep their types.
//
//   in %x : f16[N,4]                     =>   in %x : f16[N,4]
//   const %w : f16[4,2]                       const %w : f32[4,2]
//   %y = MatMul(%x, %w)                       %r = Cast(%x) {to=1}
//   out %y                                    %s = MatMul(%r, %w)
//                                             %y = Cast(%s) {to=10}
//
// Roundings to 16 bits on the way are gone; the graphs inside If, Loop and Scan change along.
#include "ir/infer.h"
#include "ir/match.h"
#include "pass/pass.h"

namespace bantam {
namespace {

bool is_half(DType t) { return t == BT_F16 || t == BT_BF16; }

Tensor widened(const Tensor& t) {
  std::vector<float> values(static_cast<size_t>(t.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(t.number(static_cast<int64_t>(i)));
  return Tensor::of_floats(t.shape(), values);
}

Result<void> widen_inside(Graph& graph);

// What attributes say: the type of a result, a number that it is filled with, a graph.
Result<void> widen_attributes(Node& node) {
  for (const char* key : {"to", "dtype", "output_dtype", "output_datatype"})
    if (node.has_attr(key) && is_half(static_cast<DType>(node.attr_int(key))))
      TRY(node.set_attr(key, int64_t{BT_F32}));
  for (auto& [key, value] : node.attrs()) {
    if (const auto* t = std::get_if<std::shared_ptr<const Tensor>>(&value); t && *t && is_half((*t)->dtype()))
      TRY(node.set_attr(key, std::make_shared<const Tensor>(widened(**t))));
    if (const auto* g = std::get_if<std::shared_ptr<Graph>>(&value); g && *g) TRY(widen_inside(**g));
  }
  return {};
}

Result<void> widen_parts(Graph& graph) {
  for (Value* v : graph.values()) {
    if (!v->is_constant() || !is_half(v->dtype)) continue;
    if (v->is_output()) {  // leaves as it is; whoever else reads it gets a copy
      const std::vector<Use> uses = v->uses();
      Value* copy = uses.empty() ? nullptr : graph.add_constant(v->name + ".wide", widened(*v->constant));
      for (const Use& u : uses) graph.set_input(u.node, u.index, copy);
      continue;
    }
    v->constant = std::make_shared<const Tensor>(widened(*v->constant));
    v->dtype = BT_F32;
  }
  for (Node* node : graph.nodes()) TRY(widen_attributes(*node));
  return {};
}

// A graph inside a node: what comes in and goes out is wide too, as it is around.
Result<void> widen_inside(Graph& graph) {
  for (Value* v : graph.inputs())
    if (is_half(v->dtype)) v->dtype = BT_F32;
  for (Value* v : graph.values())
    if (v->is_constant() && v->is_output() && is_half(v->dtype)) {
      v->constant = std::make_shared<const Tensor>(widened(*v->constant));
      v->dtype = BT_F32;
    }
  TRY(widen_parts(graph));
  return infer_graph(graph);
}

// Halves are at the borders alone, where casts make and read them: nothing is left to do.
bool is_wide_inside(const Graph& graph) {
  for (const Value* v : graph.values()) {
    if (!is_half(v->dtype)) continue;
    if (!v->is_input() && !v->is_output()) return false;
    if (v->producer && !v->producer->is("Cast")) return false;
    for (const Use& u : v->uses())
      if (!u.node->is("Cast")) return false;
  }
  return true;
}

// Every half that enters becomes wide, every wide number that left as a half becomes one again.
Result<bool> run(Graph& graph, const NoOptions&, PassContext& ctx) {
  if (is_wide_inside(graph) || !graph.first()) return false;
  std::vector<std::pair<Value*, DType>> leaving;
  for (Value* v : graph.outputs())
    if (is_half(v->dtype) && v->producer) leaving.emplace_back(v, v->dtype);
  TRY(widen_parts(graph));
  for (Value* v : graph.inputs()) {
    if (!is_half(v->dtype) || v->uses().empty()) continue;
    const std::vector<Use> uses = v->uses();
    TRY(Node* cast, graph.insert_before(graph.first(), "Cast", v->name, {v}, {{"to", int64_t{BT_F32}}}, {v->name + ".wide"}));
    for (const Use& u : uses) graph.set_input(u.node, u.index, cast->output());
  }
  TRY(infer_graph(graph));
  for (const auto& [v, type] : leaving) {
    if (v->dtype == type || !v->is_output()) continue;
    TRY(Node* cast, graph.append("Cast", v->name, {v}, {{"to", int64_t{type}}}, {v->name + ".half"}));
    graph.take_over_output(v, cast->output());
  }
  ctx.note("the 16-bit floats of the model are computed in 32 bits");
  return true;
}

}  // namespace

extern constinit const Pass widen_halves = make_pass<NoOptions, describe_nothing, run>(
    "Gives a model in float16 floats of 32 bits.", Effect::lossy, false);

}  // namespace bantam
