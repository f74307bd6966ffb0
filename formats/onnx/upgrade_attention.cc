// SPDX-License-Identifier: Apache-2.0
// Attention of com.microsoft, in its forms without masks and caches, as the standard Attention.
#include "base/format.h"
#include "formats/onnx/upgrade.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

// Inputs from `first` on are masks, biases of scores and caches.
Result<void> refuse_rest(const OnnxNode& n, size_t first) {
  for (size_t i = first; i < n.inputs.size(); ++i)
    if (n.inputs[i])
      return Error{Code::unsupported, formatted("{} with a mask or a cache (input {}) is not supported; export the model without that fusion", n.op, i)};
  for (size_t i = 1; i < n.outputs.size(); ++i)
    if (!n.outputs[i].empty()) return Error{Code::unsupported, formatted("{} with more than one output is not supported", n.op)};
  return {};
}

void become_attention(OnnxNode& n, std::vector<Value*> inputs) {
  const int64_t heads = n.take_int("num_heads", 0);
  const bool causal = n.take_int("unidirectional", 0) != 0;
  const float scale = n.take_float("scale", 0.0f);
  n.op = "Attention";
  n.domain.clear();
  n.inputs = std::move(inputs);
  n.outputs.resize(1);
  n.attrs.clear();
  n.attrs["q_num_heads"] = heads;
  n.attrs["kv_num_heads"] = heads;
  if (causal) n.attrs["is_causal"] = int64_t{1};
  if (scale != 0.0f) n.attrs["scale"] = scale;
}

// X [batch, sequence, width], weights [width, 3 hidden], bias [3 hidden]
Result<void> attention(NodeSink& sink, OnnxNode& n) {
  TRY(refuse_rest(n, 3));
  for (const char* key : {"do_rotary", "past_present_share_buffer"})
    if (n.take_int(key, 0)) return Error{Code::unsupported, formatted("Attention with {} is not supported", key)};
  const std::vector<int64_t> sizes = n.take_ints("qkv_hidden_sizes");
  TRY(Value* joint, sink.emit(n, "MatMul", {n.input(0), n.input(1)}));
  if (n.input(2)) {
    TRY(joint, sink.emit(n, "Add", {joint, n.input(2)}));
  }
  const std::string base = n.outputs[0];
  std::vector<Value*> inputs = {joint};
  AttrList attrs = {{"axis", int64_t{-1}}};
  if (sizes.empty()) attrs.emplace_back("num_outputs", int64_t{3});
  else inputs.push_back(sink.ints(base + ".sizes", sizes));
  TRY(Node* parts, sink.graph().append("Split", n.name, inputs, attrs, {base + ".q", base + ".k", base + ".v"}));
  become_attention(n, {parts->output(0), parts->output(1), parts->output(2)});
  return {};
}

// Query, key, value [batch, sequence, hidden], bias of all three
Result<void> multi_head_attention(NodeSink& sink, OnnxNode& n) {
  TRY(refuse_rest(n, 3));
  (void)sink;
  for (size_t i = 0; i < 3; ++i)
    if (!n.input(i) || n.inputs[i]->rank() != 3)
      return Error{Code::unsupported, "MultiHeadAttention is supported with query, key and value of rank 3"};
  become_attention(n, {n.input(0), n.input(1), n.input(2)});
  return {};
}

}  // namespace

const Upgrade attention_upgrades[] = {{kMicrosoft, "Attention", attention},
                                      {kMicrosoft, "MultiHeadAttention", multi_head_attention},
                                      {"", nullptr, nullptr}};

}  // namespace bantam
