// SPDX-License-Identifier: Apache-2.0
#include "ir/verify.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/format.h"
#include "base/text.h"
#include "ir/infer.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

Error broken(const std::string& message) { return {Code::internal, message}; }

Result<void> check_uses(const Graph& graph) {
  std::set<std::pair<const Value*, std::pair<const Node*, int>>> real, stated;
  for (const Node* n : graph.nodes())
    for (size_t i = 0; i < n->inputs.size(); ++i)
      if (n->inputs[i]) real.insert({n->inputs[i], {n, static_cast<int>(i)}});
  for (const Value* v : graph.values())
    for (const Use& u : v->uses()) stated.insert({v, {u.node, u.index}});
  if (real != stated) return broken("the use lists do not match the nodes' inputs");
  return {};
}

Result<void> check_order(const Graph& graph) {
  std::set<const Value*> made;
  for (const Value* v : graph.values())
    if (v->is_input() || v->is_constant()) made.insert(v);
  for (const Node* n : graph.nodes()) {
    for (const Value* v : n->inputs)
      if (v && !made.count(v)) return broken(formatted("node {} reads {} before it is made", quote(n->name), quote(v->name)));
    for (const Value* v : n->outputs) {
      if (!v) continue;
      if (v->producer != n) return broken(formatted("{} does not know its producer {}", quote(v->name), quote(n->name)));
      if (!made.insert(v).second) return broken(formatted("{} is made twice", quote(v->name)));
    }
  }
  for (const Value* v : graph.outputs())
    if (!made.count(v)) return broken(formatted("output {} is never made", quote(v->name)));
  return {};
}

Result<void> check_quant(const Value& v) {
  if (!v.quant) return {};
  const Quant& q = *v.quant;
  if (q.scale.empty() || (!q.zero.empty() && q.zero.size() != q.scale.size()))
    return broken(formatted("{} has {} scales and {} zero points", quote(v.name), q.scale.size(), q.zero.size()));
  for (const float s : q.scale)
    if (!(s > 0) || !std::isfinite(s)) return broken(formatted("{} has a scale of {}", quote(v.name), s));
  if (!bt_is_float(v.dtype) && v.dtype != q.storage && v.dtype != BT_I32)
    return broken(formatted("{} is {}, its quantization says {}", quote(v.name), bt_dtype_name(v.dtype), bt_dtype_name(q.storage)));
  if ((q.axis >= 0 && q.axis >= v.rank()) || (q.axis < 0 && q.scale.size() != 1))
    return broken(formatted("{}: the quantization axis does not fit", quote(v.name)));
  return {};
}

// What inference says now must not contradict what the graph states.
Result<void> check_types(const Graph& graph) {
  Graph copy = graph.clone();
  const auto before = graph.nodes(), after = copy.nodes();
  for (size_t i = 0; i < after.size(); ++i) {
    TRY(infer_node(copy, *after[i]));
    for (size_t k = 0; k < after[i]->outputs.size(); ++k) {
      const Value *v = before[i]->outputs[k], *w = after[i]->outputs[k];
      if (!v) continue;
      bool same = v->dtype == w->dtype && (!v->shape || !w->shape || v->shape->size() == w->shape->size());
      for (size_t d = 0; same && v->shape && w->shape && d < v->shape->size(); ++d) same = !bt_clash((*v->shape)[d], (*w->shape)[d]);
      if (!same)
        return broken(formatted("{} is stated as {}{}, but it is {}{}", quote(v->name), bt_dtype_name(v->dtype), v->shape ? shape_text(*v->shape) : "[...]",
                                bt_dtype_name(w->dtype), w->shape ? shape_text(*w->shape) : "[...]"));
    }
  }
  return {};
}

}  // namespace

Result<void> verify(const Graph& graph) {
  TRY(check_uses(graph));
  TRY(check_order(graph));
  std::set<std::string> names;
  for (const Value* v : graph.values()) {
    if (!names.insert(v->name).second) return broken(formatted("the name {} is used twice", quote(v->name)));
    if (v->constant && (v->constant->dtype() != v->dtype || !v->shape || v->constant->shape() != *v->shape))
      return broken(formatted("constant {} does not have the type that it states", quote(v->name)));
    TRY(check_quant(*v));
  }
  return check_types(graph);
}

}  // namespace bantam
