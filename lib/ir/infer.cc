// SPDX-License-Identifier: Apache-2.0
#include "ir/infer.h"

#include <cassert>

#include "base/format.h"
#include "base/text.h"
#include "ir/call.h"
#include "ir/evaluate.h"
#include "ir/op.h"
#include "ir/partial.h"
#include "runtime/frame.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

// Known values of at most this many elements are carried through shape inference.
constexpr int64_t kKnownMax = 1024;

// ---- subgraphs ----

// The environment carries the outer error through the C callback.
struct ToolEnv : bt_env {
  std::optional<Error> nested;
};

bt_status infer_subgraph(bt_call* c, const bt_graph* opaque, const bt_tensor* const* in, int n_in,
                         bt_tensor* out, int n_out) {
  auto& graph = *const_cast<Graph*>(reinterpret_cast<const Graph*>(opaque));
  auto& env = *static_cast<ToolEnv*>(c->env);
  if (static_cast<size_t>(n_in) != graph.inputs().size() ||
      static_cast<size_t>(n_out) != graph.outputs().size())
    return bt_fail(c, BT_BAD_INPUT,
                   "its graph has %zu inputs and %zu outputs; the node gives %d and takes %d",
                   graph.inputs().size(), graph.outputs().size(), n_in, n_out);
  env.nested.reset();
  // Types that it has already need no second round: graphs inside graphs would double the work at every level.
  bool changed = false;
  for (int i = 0; i < n_in; ++i) {
    Value* v = graph.inputs()[static_cast<size_t>(i)];
    std::optional<Shape> shape;
    if (in[i]->rank >= 0) shape.emplace(in[i]->dims, in[i]->dims + in[i]->rank);
    changed = changed || v->dtype != in[i]->dtype || v->shape != shape;
    v->dtype = in[i]->dtype;
    v->shape = std::move(shape);
  }
  if (auto inferred = changed ? infer_graph(graph) : Result<void>(); !inferred.ok()) {
    for (Value* v : graph.inputs()) v->dtype = BT_NONE;  // what is known of the inside holds no more
    env.nested = inferred.error();
    return BT_BAD_INPUT;
  }
  for (int i = 0; i < n_out; ++i) {
    const Value* v = graph.outputs()[static_cast<size_t>(i)];
    out[i] = {};
    out[i].dtype = v->dtype;
    out[i].rank = v->rank();
    for (int d = 0; d < out[i].rank; ++d) out[i].dims[d] = (*v->shape)[static_cast<size_t>(d)];
  }
  return BT_OK;
}

// ---- known values ----

bool is_small(const Value& v) {
  return v.shape && is_known(*v.shape) && element_count(*v.shape) <= kKnownMax;
}

bool all_known(const Node& node) {
  if (node.op->flags & (BT_OP_RANDOM | BT_OP_SUBGRAPH)) return false;
  if (node.inputs.empty()) return false;
  for (const Value* v : node.inputs)
    if (v && !((v->constant || v->known) && is_small(*v))) return false;
  for (const Value* v : node.outputs)
    if (v && !is_small(*v)) return false;
  return true;
}

Result<void> learn_values(Node& node) {
  for (Value* v : node.outputs) {
    if (!v) continue;
    v->known.reset();
    v->partial.clear();
  }
  if (all_known(node)) {
    TRY(auto tensors, evaluate_node(node, size_t{1} << 22));
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (node.outputs[i]) node.outputs[i]->known = std::make_shared<const Tensor>(std::move(tensors[i]));
    return {};
  }
  learn_partial(node);
  return {};
}

}  // namespace

Result<void> infer_node(Graph& graph, Node& node) {
  (void)graph;
  ToolEnv env{};
  env.infer_graph = infer_subgraph;
  Call call(env);
  if (auto inferred = call.infer(node); !inferred.ok())
    return env.nested ? *env.nested : inferred.error();
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    Value* v = node.outputs[i];
    if (!v) continue;
    const bt_tensor& t = call.output(i);
    v->dtype = t.dtype;
    v->shape.reset();
    if (t.rank >= 0) v->shape = Shape(t.dims, t.dims + t.rank);
  }
  return learn_values(node);
}

Result<void> infer_graph(Graph& graph) {
  for (Node* node : graph.nodes()) TRY(infer_node(graph, *node));
  return {};
}

Result<Graph> with_input_shapes(const Graph& graph, const std::vector<Shape>& shapes) {
  assert(shapes.size() == graph.inputs().size());
  Graph fixed = graph.clone();
  for (size_t i = 0; i < shapes.size(); ++i) fixed.inputs()[i]->shape = shapes[i];
  TRY(infer_graph(fixed));
  return fixed;
}

}  // namespace bantam
