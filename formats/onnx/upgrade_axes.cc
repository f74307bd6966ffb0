// SPDX-License-Identifier: Apache-2.0
// Attributes that became inputs: axes of Squeeze and the reductions, bounds of Clip, Slice and Pad, k of
// TopK, and their like.
#include <limits>

#include "base/format.h"
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

// attribute -> i64 vector input at `index`
void ints_to_input(NodeSink& sink, OnnxNode& n, const std::string& key, size_t index) {
  if (!n.has(key)) return;
  const std::string base = n.outputs.empty() ? n.name : n.outputs[0];
  n.set_input(index, sink.ints(base + "." + key, n.take_ints(key)));
}

Result<void> axes_input(NodeSink& sink, OnnxNode& n) {
  ints_to_input(sink, n, "axes", 1);
  return {};
}

Result<void> split(NodeSink& sink, OnnxNode& n) {
  if (const auto it = n.attrs.find("num_outputs"); it != n.attrs.end())
    if (const auto* count = std::get_if<int64_t>(&it->second); count && *count < 1)
      return Error{Code::bad_input, formatted("num_outputs is {}; Split makes at least 1", *count)};
  ints_to_input(sink, n, "split", 1);
  if (n.opset < 18 && !n.has("num_outputs") && !n.input(1))
    n.attrs["num_outputs"] = static_cast<int64_t>(n.outputs.size());
  return {};
}

Result<void> slice(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 10) return {};
  ints_to_input(sink, n, "starts", 1);
  ints_to_input(sink, n, "ends", 2);
  ints_to_input(sink, n, "axes", 3);
  return {};
}

Result<void> pad(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 11) return {};
  ints_to_input(sink, n, n.has("paddings") ? "paddings" : "pads", 1);
  const float value = n.take_float("value", 0);
  n.set_input(2, sink.scalar(n.outputs[0] + ".value", n.inputs[0]->dtype, static_cast<double>(value)));
  return {};
}

Result<void> clip(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 11) return {};
  if (n.has("min"))
    n.set_input(1, sink.scalar(n.outputs[0] + ".min", n.inputs[0]->dtype, static_cast<double>(n.take_float("min", 0))));
  if (n.has("max"))
    n.set_input(2, sink.scalar(n.outputs[0] + ".max", n.inputs[0]->dtype, static_cast<double>(n.take_float("max", 0))));
  n.take_ints("consumed_inputs");
  return {};
}

Result<void> top_k(NodeSink& sink, OnnxNode& n) {
  if (n.opset < 10) n.set_input(1, sink.ints(n.outputs[0] + ".k", {n.take_int("k", 1)}));
  return {};
}

Result<void> dropout(NodeSink& sink, OnnxNode& n) {
  if (n.opset < 12) {  // inference only: the ratio does not matter
    n.take_float("ratio", 0.5f);
    n.take_int("is_test", 1);
    n.take_ints("consumed_inputs");
    if (n.inputs.size() > 1) n.inputs.resize(1);
  }
  (void)sink;
  return {};
}

Result<void> reshape(NodeSink& sink, OnnxNode& n) {
  if (n.opset < 5) {
    ints_to_input(sink, n, "shape", 1);
    n.take_ints("consumed_inputs");
  }
  return {};
}

Result<void> dft(NodeSink& sink, OnnxNode& n) {
  if (n.opset < 20) {
    const int64_t axis = n.take_int("axis", 1);
    n.set_input(2, sink.scalar(n.outputs[0] + ".axis", BT_I64, static_cast<double>(axis)));
  }
  return {};
}

Result<void> tile(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  if (n.opset < 6)
    return Error{Code::unsupported, "Tile of opset 1 (tiles and axis) is not supported; convert the model to opset 13"};
  return {};
}

}  // namespace

const Upgrade axes_upgrades[] = {
    {"", "Squeeze", axes_input},      {"", "Unsqueeze", axes_input},
    {"", "ReduceSum", axes_input},    {"", "ReduceMean", axes_input},
    {"", "ReduceMax", axes_input},    {"", "ReduceMin", axes_input},
    {"", "ReduceProd", axes_input},   {"", "ReduceL1", axes_input},
    {"", "ReduceL2", axes_input},     {"", "ReduceLogSum", axes_input},
    {"", "ReduceLogSumExp", axes_input}, {"", "ReduceSumSquare", axes_input},
    {"", "Split", split},             {"", "Slice", slice},
    {"", "Pad", pad},                 {"", "Clip", clip},
    {"", "TopK", top_k},              {"", "Dropout", dropout},
    {"", "Reshape", reshape},         {"", "DFT", dft},
    {"", "Tile", tile},               {"", nullptr, nullptr}};

}  // namespace bantam
