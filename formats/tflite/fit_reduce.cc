// SPDX-License-Identifier: Apache-2.0
// Reductions that the format has no operator for, and functions along an axis that is not the last.
//
//   ReduceL1, ReduceL2, ReduceSumSquare, ReduceLogSum, ReduceLogSumExp  =>  ReduceSum and functions
//   Softmax, LogSoftmax along another axis                              =>  Transpose, Softmax,
//   Transpose ArgMax, ArgMin with keepdims                                        =>  without, then
//   Unsqueeze
#include <cmath>
#include <numeric>

#include "formats/tflite/fit.h"

namespace bantam {
namespace {

AttrList reduce_attrs(const Node& n) {
  return {{"keepdims", n.attr_int("keepdims")},
          {"noop_with_empty_axes", n.attr_int("noop_with_empty_axes")}};
}

Result<bool> fit_reduce(Graph& graph, Node* n) {
  if (n->inputs[0]->dtype != BT_F32) return false;
  Value *x = n->inputs[0], *axes = n->input(1);
  Speller s(graph, n);
  const auto sum = [&](Value* v) { return s.add("ReduceSum", {v, axes}, reduce_attrs(*n)); };
  if (n->is("ReduceL1")) return s.become(sum(s.add("Abs", {x})));
  if (n->is("ReduceL2")) return s.become(s.add("Sqrt", {sum(s.add("Mul", {x, x}))}));
  if (n->is("ReduceSumSquare")) return s.become(sum(s.add("Mul", {x, x})));
  if (n->is("ReduceLogSum")) return s.become(s.add("Log", {sum(x)}));
  // the largest element goes out first, so that nothing overflows
  AttrList keep = reduce_attrs(*n);
  keep[0].second = int64_t{1};
  Value* top = s.add("ReduceMax", {x, axes}, keep);
  Value* logs = s.add("Log", {sum(s.add("Exp", {s.add("Sub", {x, top})}))});
  return s.become(s.add(
      "Add",
      {logs, n->attr_int("keepdims") ? top : s.add("ReduceMax", {x, axes}, reduce_attrs(*n))}));
}

Result<bool> fit_softmax(Graph& graph, Node* n) {
  const int rank = n->inputs[0]->rank();
  const int64_t axis = n->attr_int("axis") < 0 ? n->attr_int("axis") + rank : n->attr_int("axis");
  if (axis + 1 >= rank) return false;
  std::vector<int64_t> perm(static_cast<size_t>(rank));
  std::iota(perm.begin(), perm.end(), 0);
  std::swap(perm[static_cast<size_t>(axis)], perm.back());
  Speller s(graph, n);
  Value* turned = s.add_stored("Transpose", {n->inputs[0]}, {{"perm", perm}}, n->inputs[0]->quant);
  Value* y = s.add_stored(n->op->name, {turned}, {{"axis", int64_t{-1}}}, n->output()->quant);
  return s.become(s.add_stored("Transpose", {y}, {{"perm", perm}}, n->output()->quant));
}

Result<bool> fit_arg(Graph& graph, Node* n) {
  if (!n->attr_int("keepdims") || n->attr_int("select_last_index")) return false;
  AttrList attrs = n->attrs();
  std::erase_if(attrs, [](const auto& a) { return a.first == "keepdims"; });
  attrs.emplace_back("keepdims", int64_t{0});
  Speller s(graph, n);
  const int64_t axis =
      n->attr_int("axis") < 0 ? n->attr_int("axis") + n->inputs[0]->rank() : n->attr_int("axis");
  return s.become(s.add("Unsqueeze", {s.add(n->op->name, {n->inputs[0]}, attrs), s.list({axis})}));
}

constexpr FitRow kRows[] = {
    {"ReduceL1", fit_reduce},
    {"ReduceL2", fit_reduce},
    {"ReduceSumSquare", fit_reduce},
    {"ReduceLogSum", fit_reduce},
    {"ReduceLogSumExp", fit_reduce},
    {"Softmax", fit_softmax},
    {"LogSoftmax", fit_softmax},
    {"ArgMax", fit_arg},
    {"ArgMin", fit_arg},
};

}  // namespace

std::span<const FitRow> reduce_fits() { return kRows; }

}  // namespace bantam
