// SPDX-License-Identifier: Apache-2.0
// Scan of opset 8 had a batch in front of every operand. A batch of one is today's Scan between
// Squeeze and Unsqueeze.
#include "base/format.h"
#include "base/text.h"
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

Result<void> scan(NodeSink& sink, OnnxNode& n) {
  if (n.opset >= 9) return {};
  if (n.input(0)) return Error{Code::unsupported, "Scan of opset 8 with sequence_lens is not supported; export the model with opset 9 or newer"};
  if (n.has("directions")) n.attrs["scan_input_directions"] = n.take_ints("directions");
  size_t captures = 0;
  for (const auto& [key, value] : n.own_attrs)
    if (key == "captures") captures = static_cast<size_t>(std::get<int64_t>(value));
  Value* axes = sink.ints(n.outputs[0] + ".axes", {0});
  std::vector<Value*> inputs(n.inputs.begin() + 1, n.inputs.end());
  for (size_t i = 0; i + captures < inputs.size(); ++i) {
    const Value* v = inputs[i];
    if (!v || !v->shape || v->shape->empty() || (*v->shape)[0] != 1)
      return Error{Code::unsupported, formatted("Scan of opset 8 is supported for a batch of 1 only; input {} has another, or none that is known", i + 1)};
    TRY(inputs[i], sink.emit(n, "Squeeze", {inputs[i], axes}));
  }
  AttrList attrs(n.attrs.begin(), n.attrs.end());
  attrs.insert(attrs.end(), n.own_attrs.begin(), n.own_attrs.end());
  std::vector<std::string> names;
  for (const std::string& out : n.outputs) names.push_back(out.empty() ? "" : out + ".Scan");
  TRY(Node* made, sink.graph().append("Scan", n.name, inputs, attrs, names));
  for (size_t i = 0; i < n.outputs.size(); ++i) {
    Value* y = nullptr;
    if (made->outputs[i]) {
      TRY(y, sink.emit(n, "Unsqueeze", {made->outputs[i], axes}));
    }
    n.made.push_back(y);
  }
  n.op.clear();
  return {};
}

}  // namespace

const Upgrade scan_upgrades[] = {{"", "Scan", scan}, {"", nullptr, nullptr}};

}  // namespace bantam
