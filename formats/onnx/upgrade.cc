// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx/upgrade.h"

#include <map>

#include "runtime/shape.h"

namespace bantam {
namespace {

using Key = std::pair<std::string, std::string>;

const std::map<Key, const Upgrade*>& table() {
  static const std::map<Key, const Upgrade*> entries = [] {
    std::map<Key, const Upgrade*> map;
    for (const Upgrade* list : {axes_upgrades, legacy_upgrades, image_upgrades, qlinear_upgrades, integer_upgrades,
                                attention_upgrades, contrib_upgrades, fused_upgrades, norm_upgrades,
                                recurrent_upgrades, scan_upgrades})
      for (; list->op; ++list) map[{list->domain, list->op}] = list;
    return map;
  }();
  return entries;
}

template <typename T>
T take(std::map<std::string, AttrValue>& attrs, const std::string& key, T fallback) {
  const auto it = attrs.find(key);
  if (it == attrs.end()) return fallback;
  const T* held = std::get_if<T>(&it->second);
  T value = held ? *held : fallback;
  attrs.erase(it);
  return value;
}

}  // namespace

int64_t OnnxNode::take_int(const std::string& key, int64_t fallback) { return take(attrs, key, fallback); }
float OnnxNode::take_float(const std::string& key, float fallback) { return take(attrs, key, fallback); }
std::string OnnxNode::take_text(const std::string& key, const std::string& fallback) {
  return take(attrs, key, fallback);
}
std::vector<int64_t> OnnxNode::take_ints(const std::string& key) {
  return take(attrs, key, std::vector<int64_t>());
}
std::vector<float> OnnxNode::take_floats(const std::string& key) {
  return take(attrs, key, std::vector<float>());
}

void OnnxNode::set_input(size_t i, Value* v) {
  if (inputs.size() <= i) inputs.resize(i + 1, nullptr);
  inputs[i] = v;
}

Value* NodeSink::ints(const std::string& name, const std::vector<int64_t>& values) {
  return graph_.add_constant(name, Tensor::vector_of(values));
}

Value* NodeSink::scalar(const std::string& name, DType dtype, double value) {
  std::vector<uint8_t> bytes(bt_dtype_size(dtype));
  bt_tensor view{};
  view.dtype = dtype;
  view.data = bytes.data();
  bt_put(&view, 0, value);
  return graph_.add_constant(name, Tensor(dtype, {}, Bytes(std::move(bytes))));
}

Result<Value*> NodeSink::emit(const OnnxNode& origin, const std::string& op, std::vector<Value*> inputs,
                              AttrList attrs, const std::string& suffix) {
  const std::string base = origin.outputs.empty() ? origin.name : origin.outputs[0];
  auto node = graph_.append(op, origin.name, std::move(inputs), std::move(attrs),
                            {base + "." + (suffix.empty() ? op : suffix)});
  // attributes that came along from the file may be none of this operator's
  if (!node.ok() && node.error().code == Code::internal) return Error{Code::bad_input, node.error().message};
  if (!node.ok()) return node.error();
  return (*node)->output();
}

Result<void> upgrade(NodeSink& sink, OnnxNode& node) {
  const auto it = table().find({node.domain, node.op});
  if (it == table().end()) return {};
  const bool needs_input = node.op != "Scan";  // where input 0 was optional once
  if ((needs_input && !node.input(0)) || node.outputs.empty())
    return Error{Code::bad_input, node.outputs.empty() ? "has no outputs" : "input 0 is missing"};
  return it->second->run(sink, node);
}

bool is_upgraded(const std::string& domain, const std::string& op) {
  return table().count({domain, op}) > 0;
}

}  // namespace bantam
