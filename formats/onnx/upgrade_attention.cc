// SPDX-License-Identifier: Apache-2.0
// The attentions of com.microsoft as the standard Attention: the projection in front of it, masks as
// integers, and caches in one tensor are written out.
#include "base/format.h"
#include "formats/onnx/upgrade.h"
#include "runtime/shape.h"

namespace bantam {
namespace {

constexpr const char* kMicrosoft = "com.microsoft";

bool wants(const OnnxNode& n, size_t output) { return output < n.outputs.size() && !n.outputs[output].empty(); }

Error unsupported(const OnnxNode& n, const std::string& what) {
  return {Code::unsupported, formatted("{} with {} is not supported; export the model without that fusion", n.op, what)};
}

// What the standard operator takes, whichever of its cousins it came from.
struct Parts {
  Value *query = nullptr, *key = nullptr, *value = nullptr;  // [batch, positions, hidden]
  Value *mask = nullptr, *bias = nullptr;                    // integers, and what is added to the scores
  Value *past_key = nullptr, *past_value = nullptr;          // [batch, heads, positions, size]
};

// The positions of all keys, past ones too: 0, 1, 2...
Result<Value*> key_positions(NodeSink& sink, const OnnxNode& n, const Parts& p) {
  TRY(Value* count, sink.emit(n, "Shape", {p.key}, {{"start", int64_t{1}}, {"end", int64_t{2}}}, "now"));
  if (p.past_key) {
    TRY(Value* past, sink.emit(n, "Shape", {p.past_key}, {{"start", int64_t{2}}, {"end", int64_t{3}}}, "past"));
    TRY(count, sink.emit(n, "Add", {count, past}, {}, "keys"));
  }
  Value* axes = sink.ints(n.outputs[0] + ".axes", {0});
  TRY(count, sink.emit(n, "Squeeze", {count, axes}));
  const std::string base = n.outputs[0];
  return sink.emit(n, "Range", {sink.scalar(base + ".zero", BT_I64, 0), count, sink.scalar(base + ".one", BT_I64, 1)});
}

// What is added to the scores: nothing where the mask of integers lets a key pass, else `filter`. The mask
// is [batch] (the number of keys), [batch, keys], or [batch, queries, keys].
Result<Value*> masked_scores(NodeSink& sink, const OnnxNode& n, const Parts& p, float filter) {
  const std::string base = n.outputs[0];
  const int rank = p.mask->rank();
  if (rank < 1 || rank > 3) return unsupported(n, "a mask whose rank is not 1, 2 or 3");
  Value* pass = nullptr;
  if (rank == 1) {
    const auto &lengths = p.mask->shape, &queries = p.query->shape;
    if (lengths && queries && bt_known(lengths->front()) && bt_known(queries->front()) && lengths->front() != queries->front())
      return unsupported(n, "a mask of first and last keys");
    TRY(Value* positions, key_positions(sink, n, p));
    TRY(Value* count, sink.emit(n, "Cast", {p.mask}, {{"to", int64_t{BT_I64}}}));
    TRY(count, sink.emit(n, "Unsqueeze", {count, sink.ints(base + ".axes", {1})}));
    TRY(pass, sink.emit(n, "Less", {positions, count}));
  } else {
    TRY(pass, sink.emit(n, "Greater", {p.mask, sink.scalar(base + ".zero", p.mask->dtype, 0)}));
  }
  const DType type = p.query->dtype;
  TRY(Value* scores, sink.emit(n, "Where", {pass, sink.scalar(base + ".pass", type, 0),
                                            sink.scalar(base + ".filter", type, static_cast<double>(filter))}));
  return sink.emit(n, "Unsqueeze", {scores, sink.ints(base + ".axes", rank == 3 ? std::vector<int64_t>{1} : std::vector<int64_t>{1, 2})},
                   {}, "mask");
}

// The node becomes the standard operator. Its outputs are those of MultiHeadAttention.
Result<void> become_attention(NodeSink& sink, OnnxNode& n, Parts p) {
  const int64_t heads = n.take_int("num_heads", 0);
  const bool causal = n.take_int("unidirectional", 0) != 0;
  const float scale = n.take_float("scale", 0.0f), filter = n.take_float("mask_filter_value", -10000.0f);
  Value* scores = p.bias;
  if (p.mask) {
    TRY(scores, masked_scores(sink, n, p, filter));
    if (p.bias) {
      TRY(scores, sink.emit(n, "Add", {scores, p.bias}));
    }
  }
  n.op = "Attention";
  n.domain.clear();
  n.inputs = {p.query, p.key, p.value};
  if (scores || p.past_key) n.inputs.push_back(scores);
  if (p.past_key) n.inputs.insert(n.inputs.end(), {p.past_key, p.past_value});
  n.attrs.clear();
  n.attrs["q_num_heads"] = heads;
  n.attrs["kv_num_heads"] = heads;
  if (causal) n.attrs["is_causal"] = int64_t{1};
  if (scale != 0.0f) n.attrs["scale"] = scale;
  return {};
}

// Past keys and values in one tensor [2, batch, heads, positions, size]
Result<void> part_past(NodeSink& sink, const OnnxNode& n, Value* past, Parts* p) {
  const std::string base = n.outputs[0];
  TRY(Node* halves, sink.graph().append("Split", n.name, {past}, {{"axis", int64_t{0}}, {"num_outputs", int64_t{2}}},
                                        {base + ".keys", base + ".values"}));
  Value* axes = sink.ints(base + ".axes", {0});
  TRY(p->past_key, sink.emit(n, "Squeeze", {halves->output(0), axes}, {}, "past_key"));
  TRY(p->past_value, sink.emit(n, "Squeeze", {halves->output(1), axes}, {}, "past_value"));
  return {};
}

// Emits the standard operator that the node has become, with keys and values in one output again.
Result<void> join_present(NodeSink& sink, OnnxNode& n) {
  if (!wants(n, 1)) {
    n.outputs.resize(1);
    return {};
  }
  const std::string base = n.outputs[0];
  TRY(Node* made, sink.graph().append(n.op, n.name, n.inputs, AttrList(n.attrs.begin(), n.attrs.end()),
                                      {base + ".attended", base + ".present_key", base + ".present_value"}));
  Value* axes = sink.ints(base + ".axes", {0});
  TRY(Value* key, sink.emit(n, "Unsqueeze", {made->output(1), axes}));
  TRY(Value* value, sink.emit(n, "Unsqueeze", {made->output(2), axes}));
  TRY(Value* both, sink.emit(n, "Concat", {key, value}, {{"axis", int64_t{0}}}));
  n.made = {made->output(0), both};
  n.op.clear();
  return {};
}

// X [batch, sequence, width], weights [width, 3 hidden], bias [3 hidden], mask, past, bias of the scores
Result<void> attention(NodeSink& sink, OnnxNode& n) {
  for (size_t i = 6; i < n.inputs.size(); ++i)
    if (n.inputs[i]) return unsupported(n, formatted("input {}", i));
  for (const char* key : {"do_rotary", "past_present_share_buffer"})
    if (n.take_int(key, 0)) return unsupported(n, key);
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
  Parts p{parts->output(0), parts->output(1), parts->output(2), n.input(3), n.input(5)};
  if (n.input(4)) TRY(part_past(sink, n, n.input(4), &p));
  TRY(become_attention(sink, n, p));
  return join_present(sink, n);
}

// Attention with X and weights as integers: both, the bias, the scales of both, mask, the zero points of
// both, past
Result<void> q_attention(NodeSink& sink, OnnxNode& n) {
  TRY(Value* x, sink.emit(n, "DequantizeLinear", {n.input(0), n.input(3), n.input(6)}, {{"axis", int64_t{-1}}}, "x"));
  TRY(Value* w, sink.emit(n, "DequantizeLinear", {n.input(1), n.input(4), n.input(7)}, {{"axis", int64_t{-1}}}, "w"));
  n.inputs = {x, w, n.input(2), n.input(5), n.input(8)};
  return attention(sink, n);
}

// Keys or values of rank 4, [batch, heads, positions, size], with the heads side by side
Result<Value*> flat_heads(NodeSink& sink, const OnnxNode& n, Value* v) {
  if (v->rank() != 4) return v;
  TRY(Value* turned, sink.emit(n, "Transpose", {v}, {{"perm", std::vector<int64_t>{0, 2, 1, 3}}}));
  return sink.emit(n, "Reshape", {turned, sink.ints(n.outputs[0] + ".flat", {0, 0, -1})});
}

// Adds the parts of one bias [hidden of query, key, value] to the three.
Result<void> add_biases(NodeSink& sink, const OnnxNode& n, Value* bias, Parts* p) {
  Value** parts[3] = {&p->query, &p->key, &p->value};
  std::vector<int64_t> sizes;
  for (Value** part : parts) {
    const int64_t hidden = (*part)->shape ? (*part)->shape->back() : -1;
    if (!bt_known(hidden)) return unsupported(n, "a bias for rows of unknown length");
    sizes.push_back(hidden);
  }
  const std::string base = n.outputs[0];
  TRY(Node* split, sink.graph().append("Split", n.name, {bias, sink.ints(base + ".sizes", sizes)}, {{"axis", int64_t{0}}},
                                       {base + ".bias_q", base + ".bias_k", base + ".bias_v"}));
  for (int i = 0; i < 3; ++i) {
    TRY(*parts[i], sink.emit(n, "Add", {*parts[i], split->output(i)}));
  }
  return {};
}

// Query, key, value, bias of all three, mask, bias of the scores, past keys and values
Result<void> multi_head_attention(NodeSink& sink, OnnxNode& n) {
  for (size_t i = 8; i < n.inputs.size(); ++i)
    if (n.inputs[i]) return unsupported(n, formatted("input {}", i));
  for (size_t i = 0; i < 3; ++i) {
    const int rank = n.input(i) ? n.inputs[i]->rank() : 0;
    if (rank != 3 && (i == 0 || rank != 4)) return unsupported(n, "a query, key or value that is packed, missing or of unknown rank");
  }
  Parts p{n.input(0), n.input(1), n.input(2), n.input(4), n.input(5), n.input(6), n.input(7)};
  if ((p.key->rank() == 4) != (p.value->rank() == 4)) return unsupported(n, "key and value of different rank");
  if (n.input(3) && p.key->rank() == 4) return unsupported(n, "a bias, and keys that are split into heads already");
  TRY(p.key, flat_heads(sink, n, p.key));
  TRY(p.value, flat_heads(sink, n, p.value));
  if (n.input(3)) TRY(add_biases(sink, n, n.input(3), &p));
  return become_attention(sink, n, p);
}

}  // namespace

const Upgrade attention_upgrades[] = {{kMicrosoft, "Attention", attention},
                                      {kMicrosoft, "QAttention", q_attention},
                                      {kMicrosoft, "MultiHeadAttention", multi_head_attention},
                                      {"", nullptr, nullptr}};

}  // namespace bantam
