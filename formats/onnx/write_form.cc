// SPDX-License-Identifier: Apache-2.0
// Forms that changed between opsets: inputs that were attributes, words that were renamed.
#include "formats/onnx/write_form.h"

#include <algorithm>

#include "base/format.h"
#include "ir/match.h"

namespace bantam {
namespace {

// Input i as an attribute of the opsets before `since`; where it is computed, that opset is needed.
bool input_to_attribute(OnnxGraphWriter& w, const Node& node, OnnxCall& call, size_t i, const std::string& key, int since) {
  const Value* v = node.input(i);
  if (!v) return true;
  if (!v->is_constant()) {
    w.attempt().need(node, since, formatted("computed {} of {}", key, call.op));
    return false;
  }
  call.set(key, v->constant->integers());
  call.inputs[i].clear();
  return true;
}

void reduce(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  const Value* axes = node.input(1);
  const bool none = !axes || (axes->is_constant() && axes->constant->count() == 0);
  if (call.op == "ReduceSum" || w.opset() >= 18) return;
  if (node.attr_int("noop_with_empty_axes") && none) return w.attempt().need(node, 18, "noop_with_empty_axes of " + call.op);
  if (!input_to_attribute(w, node, call, 1, "axes", 18)) return;
  call.drop("noop_with_empty_axes");
  if (none) call.drop("axes");
}

// Before opset 18 the number of outputs was just counted; parts of different lengths must be listed.
void split(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (node.input(1)) return call.drop("num_outputs");
  const auto parts = static_cast<int64_t>(node.outputs.size());
  if (w.opset() >= 18) return call.set("num_outputs", parts);
  call.drop("num_outputs");
  const Value* x = node.input(0);
  const int64_t axis = node.attr_int("axis");
  const int64_t length = x->rank() > 0 ? (*x->shape)[static_cast<size_t>(axis < 0 ? axis + x->rank() : axis)] : -1;
  if (length < 0) return w.attempt().need(node, 18, "Split of an unknown length");
  if (length % parts == 0) return;
  const int64_t each = (length + parts - 1) / parts;
  std::vector<int64_t> sizes;
  for (int64_t i = 0; i < parts; ++i) sizes.push_back(std::clamp<int64_t>(length - i * each, 0, each));
  call.inputs.resize(2);
  call.inputs[1] = w.constant(node.name + ".split", Tensor::vector_of(sizes));
}

// Before opset 18 every axis was padded.
void pad(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  const Value *pads = node.input(1), *axes = node.input(3);
  if (!axes || w.opset() >= 18) return;
  const int rank = node.input(0)->rank();
  if (!axes->is_constant() || !pads->is_constant() || rank < 0) return w.attempt().need(node, 18, "axes of Pad");
  const auto given = pads->constant->integers(), where = axes->constant->integers();
  std::vector<int64_t> all(static_cast<size_t>(2 * rank));
  for (size_t i = 0; i < where.size(); ++i) {
    const auto axis = static_cast<size_t>(where[i] < 0 ? where[i] + rank : where[i]);
    all[axis] = given[i];
    all[axis + static_cast<size_t>(rank)] = given[i + where.size()];
  }
  call.inputs[1] = w.constant(pads->name + ".all", Tensor::vector_of(all));
  call.inputs[3].clear();
}

void grid_sample(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (w.opset() >= 20) return;
  if (node.input(0)->rank() != 4) return w.attempt().need(node, 20, "GridSample of volumes");
  if (node.attr_word("mode") == "cubic") call.set("mode", std::string("bicubic"));
}

void roi_align(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (node.attr_word("coordinate_transformation_mode") == "half_pixel") return w.attempt().need(node, 16, "half_pixel of RoiAlign");
  if (w.opset() < 16) call.drop("coordinate_transformation_mode");
}

// Before opset 20 the axis was an attribute; without one it was 1, today it is the last but one.
void dft(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (w.opset() >= 20) return;
  const auto axis = node.input(2) ? number_of(node.input(2)) : std::optional(-2.0);
  const int rank = node.input(0)->rank();
  if (!axis || (*axis < 0 && rank < 0)) return w.attempt().need(node, 20, "computed axis of DFT");
  call.set("axis", static_cast<int64_t>(*axis < 0 ? *axis + rank : *axis));
  call.inputs.resize(2);
}

}  // namespace

const OnnxForm older_forms[] = {
    {"DFT", dft}, {"GridSample", grid_sample}, {"Pad", pad}, {"ReduceL1", reduce}, {"ReduceL2", reduce}, {"ReduceLogSum", reduce},
    {"ReduceLogSumExp", reduce}, {"ReduceMax", reduce}, {"ReduceMean", reduce}, {"ReduceMin", reduce}, {"ReduceProd", reduce},
    {"ReduceSum", reduce}, {"ReduceSumSquare", reduce}, {"RoiAlign", roi_align}, {"Split", split}, {nullptr, nullptr}};

void to_onnx_form(OnnxGraphWriter& writer, const Node& node, OnnxCall& call) {
  for (const OnnxForm* table : {integer_forms, expanded_forms, older_forms})
    for (const OnnxForm* form = table; form->op; ++form)
      if (node.is(form->op) && call.op == form->op) form->run(writer, node, call);
}

}  // namespace bantam
