// SPDX-License-Identifier: Apache-2.0
#include "formats/coreml/open_lengths.h"

#include <algorithm>
#include <set>

#include "base/format.h"
#include "base/text.h"

namespace bantam::coreml {
namespace {

bool is_open(const Value* v) { return v && !v->is_constant() && v->shape && !is_known(*v->shape); }

bool is_open(const Value* v, int64_t axis) {
  return is_open(v) && (*v->shape)[static_cast<size_t>(axis < 0 ? axis + v->rank() : axis)] < 0;
}

// They are told axes, windows and factors, no lengths.
bool bears_any(const Node& n) {
  static const std::set<std::string_view> names = {
      "ArgMax",         "ArgMin",        "AveragePool",        "BatchNormalization",
      "Concat",         "Conv",          "CumSum",             "DepthToSpace",
      "GatherElements", "GatherND",      "Gemm",               "GlobalAveragePool",
      "GlobalMaxPool",  "LRN",           "InstanceNormalization",
      "LogSoftmax",     "LpNormalization", "MatMul",           "MaxPool",
      "Pad",            "RMSNormalization", "ReduceL1",        "ReduceL2",
      "ReduceLogSum",   "ReduceLogSumExp", "ReduceMax",        "ReduceMean",
      "ReduceMin",      "ReduceProd",    "ReduceSum",          "ReduceSumSquare",
      "Softmax",        "SpaceToDepth",  "TopK",               "Transpose"};
  return n.op->layout == BT_LAYOUT_ELEMENTWISE || names.count(n.op->name) > 0;
}

// One length can be left to the operation.
bool bears_one(const Node& n) {
  return n.is("Reshape") || n.is("Flatten") || n.is("Squeeze") || n.is("Unsqueeze");
}

bool has_fixed_window(const Node& n) {
  const bool windowed = n.is("Conv") || n.is("MaxPool") || n.is("AveragePool");
  if (!windowed) return true;
  const std::string rule = n.attr_word("auto_pad");
  return (rule == "NOTSET" || rule == "VALID") && (n.is("Conv") || n.attr_int("ceil_mode") == 0);
}

bool is_tail_known(const Node& n) {
  const int64_t first = n.attr_int("axis");
  const Value* x = n.inputs[0];
  for (int64_t a = first < 0 ? first + x->rank() : first; a < x->rank(); ++a)
    if (is_open(x, a)) return false;
  return true;
}

// The axes that Slice cuts.
bool cuts_known_axes(const Node& n) {
  const Value* x = n.inputs[0];
  const Value* starts = n.input(1);
  if (!starts || !starts->is_constant()) return false;
  const Value* axes = n.input(3);
  if (axes && !axes->is_constant()) return false;
  for (int64_t i = 0; i < starts->constant->count(); ++i)
    if (is_open(x, axes ? axes->constant->integers()[static_cast<size_t>(i)] : i)) return false;
  return true;
}

bool bears(const Node& n) {
  const Value* x = n.inputs.empty() ? nullptr : n.inputs[0];
  if (bears_any(n)) return has_fixed_window(n);
  if (bears_one(n)) {
    const Shape& out = *n.output()->shape;
    return std::count_if(out.begin(), out.end(), [](int64_t d) { return d < 0; }) <= 1;
  }
  if (n.is("LayerNormalization")) return is_tail_known(n);
  if (n.is("Gather") || n.is("Split")) return !is_open(x, n.attr_int("axis"));
  if (n.is("Slice")) return cuts_known_axes(n);
  return false;
}

}  // namespace

std::string refusal_of_open_lengths(const Node& node) {
  for (const auto* list : {&node.inputs, &node.outputs})
    for (const Value* v : *list)
      if (is_open(v) && !bears(node))
        return formatted("it depends on lengths of {} that are not known; fix them with --shape",
                         quote(v->name));
  return "";
}

}  // namespace bantam::coreml
