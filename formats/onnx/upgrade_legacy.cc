// SPDX-License-Identifier: Apache-2.0
// Meanings that changed: broadcasting before opset 7, Softmax before 13, Cast with a type's name; and
// forms that exporters write although no opset has them.
#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

// Before opset 7 the second operand was aligned at `axis` and only with broadcast=1.
Result<void> arithmetic(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 7) return {};
  n.take_ints("consumed_inputs");
  const bool broadcast = n.take_int("broadcast", 0) != 0;
  const bool has_axis = n.has("axis");
  int64_t axis = n.take_int("axis", -1);
  if (!broadcast || !has_axis || !n.input(0) || !n.input(1)) return {};
  const int left = n.inputs[0]->rank(), right = n.inputs[1]->rank();
  if (left < 0 || right < 0)
    return Error{Code::unsupported, "broadcasting along an axis needs known ranks"};
  if (axis < 0) axis += left;
  const int64_t behind = left - axis - right;
  if (behind <= 0) return {};
  std::vector<int64_t> axes;
  for (int64_t i = 0; i < behind; ++i) axes.push_back(right + i);
  TRY(n.inputs[1], sink.emit(n, "Unsqueeze", {n.inputs[1], sink.ints(n.outputs[0] + ".axes", axes)}));
  return {};
}

// Before opset 13 the input was first made two-dimensional at `axis`, and the default axis was 1.
Result<void> softmax(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 13) return {};
  int64_t axis = n.take_int("axis", 1);
  Value* x = n.input(0);
  if (!x) return {};
  const int rank = x->rank();
  if (rank < 0)
    return Error{Code::unsupported, "its meaning before opset 13 needs a known rank"};
  if (axis < -rank || axis > rank)
    return Error{Code::bad_input, formatted("axis is {}; a tensor of rank {} has axes from {} to {}", axis, rank, -rank, rank - 1)};
  if (axis < 0) axis += rank;
  int long_axes = 0;
  int64_t only = axis;
  for (int64_t d = axis; d < rank; ++d)
    if ((*x->shape)[static_cast<size_t>(d)] != 1) ++long_axes, only = d;
  if (rank > 0 && axis < rank && long_axes <= 1) {  // flattening changes nothing
    n.attrs["axis"] = only;
    return {};
  }
  TRY(Value* shape, sink.emit(n, "Shape", {x}));
  TRY(Value* flat, sink.emit(n, "Flatten", {x}, {{"axis", axis}}));
  TRY(Value* y, sink.emit(n, n.op, {flat}, {{"axis", int64_t{-1}}}));
  n.op = "Reshape";
  n.inputs = {y, shape};
  return {};
}

Result<void> cast(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  const auto it = n.attrs.find("to");
  if (n.opset >= 6 || it == n.attrs.end() || !std::holds_alternative<std::string>(it->second)) return {};
  const std::string word = std::get<std::string>(it->second);
  static const std::map<std::string, int64_t> kTypes = {
      {"FLOAT", 1}, {"UINT8", 2}, {"INT8", 3}, {"UINT16", 4}, {"INT16", 5}, {"INT32", 6}, {"INT64", 7},
      {"BOOL", 9}, {"FLOAT16", 10}, {"DOUBLE", 11}, {"UINT32", 12}, {"UINT64", 13}};
  const auto type = kTypes.find(word);
  if (type == kTypes.end())
    return Error{Code::bad_input, formatted("to is {}, which is no type", quote(word))};
  it->second = type->second;
  return {};
}

Result<void> drop_consumed(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  if (n.opset < 6) n.take_ints("consumed_inputs");
  return {};
}

Result<void> batch_normalization(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  if (n.opset < 14) {
    n.take_ints("consumed_inputs");
    n.take_int("is_test", 1);
    if (n.take_int("spatial", 1) != 1)
      return Error{Code::unsupported, "spatial=0 is not supported"};
    if (n.outputs.size() > 1) n.outputs.resize(1);  // the others are for training
  }
  return {};
}

Result<void> prelu(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 7 || !n.input(1) || n.inputs[1]->rank() != 1 || n.inputs[0]->rank() < 3) {
    n.take_ints("consumed_inputs");
    return {};
  }
  n.take_ints("consumed_inputs");  // one slope per channel, without the axes behind it
  std::vector<int64_t> axes;
  for (int d = 2; d < n.inputs[0]->rank(); ++d) axes.push_back(d - 1);
  TRY(n.inputs[1], sink.emit(n, "Unsqueeze", {n.inputs[1], sink.ints(n.outputs[0] + ".axes", axes)}));
  return {};
}

Result<void> gemm(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  if (n.opset < 7) n.take_int("broadcast", 0);
  return {};
}

Result<void> scatter(NodeSink& sink, OnnxNode& n) {
  (void)sink;
  n.op = "ScatterElements";
  return {};
}

// torch.onnx.export writes a signal without its last axis, [batch, length], and onnxruntime takes it.
Result<void> stft(NodeSink& sink, OnnxNode& n) {
  if (!n.input(0) || n.inputs[0]->rank() != 2) return {};
  TRY(n.inputs[0], sink.emit(n, "Unsqueeze", {n.inputs[0], sink.ints(n.outputs[0] + ".axes", {2})}));
  return {};
}

// GroupNormalization of opset 18 has one scale and bias per group; from 21 on one per channel.
Result<void> group_normalization(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 21 || n.inputs.size() < 3 || n.inputs[0]->rank() < 2) return {};
  const int64_t channels = (*n.inputs[0]->shape)[1];
  const auto it = n.attrs.find("num_groups");
  if (channels < 0 || it == n.attrs.end() || !std::holds_alternative<int64_t>(it->second)) return {};
  const int64_t groups = std::get<int64_t>(it->second);
  if (groups < 1 || channels % groups) return {};  // the shape rule refuses it with a sentence
  for (size_t i = 1; i < 3; ++i) {
    TRY(Value* column, sink.emit(n, "Reshape", {n.inputs[i], sink.ints(n.outputs[0] + ".column", {groups, 1})}));
    TRY(Value* wide, sink.emit(n, "Expand", {column, sink.ints(n.outputs[0] + ".wide", {groups, channels / groups})}));
    TRY(n.inputs[i], sink.emit(n, "Reshape", {wide, sink.ints(n.outputs[0] + ".flat", {channels})}));
  }
  return {};
}

}  // namespace

const Upgrade legacy_upgrades[] = {
    {"", "Add", arithmetic}, {"", "Sub", arithmetic}, {"", "Mul", arithmetic}, {"", "Div", arithmetic},
    {"", "Pow", arithmetic}, {"", "And", arithmetic}, {"", "Or", arithmetic}, {"", "Xor", arithmetic},
    {"", "Equal", arithmetic}, {"", "Greater", arithmetic}, {"", "Less", arithmetic},
    {"", "Softmax", softmax}, {"", "LogSoftmax", softmax}, {"", "Hardmax", softmax}, {"", "Cast", cast},
    {"", "Relu", drop_consumed}, {"", "Sigmoid", drop_consumed}, {"", "Tanh", drop_consumed},
    {"", "Elu", drop_consumed}, {"", "LeakyRelu", drop_consumed}, {"", "Selu", drop_consumed},
    {"", "Exp", drop_consumed}, {"", "Log", drop_consumed}, {"", "Sqrt", drop_consumed},
    {"", "Abs", drop_consumed}, {"", "Neg", drop_consumed}, {"", "Reciprocal", drop_consumed},
    {"", "Floor", drop_consumed}, {"", "Ceil", drop_consumed}, {"", "Sum", drop_consumed},
    {"", "Max", drop_consumed}, {"", "Min", drop_consumed}, {"", "Mean", drop_consumed},
    {"", "HardSigmoid", drop_consumed}, {"", "InstanceNormalization", drop_consumed},
    {"", "BatchNormalization", batch_normalization}, {"", "PRelu", prelu}, {"", "Gemm", gemm},
    {"", "Scatter", scatter}, {"", "GroupNormalization", group_normalization}, {"", "STFT", stft},
    {"", nullptr, nullptr}};

}  // namespace bantam
