// SPDX-License-Identifier: Apache-2.0
// Stores equal constants once, and computes equal nodes once.
//
//   const %a = [1, 2]                 const %a = [1, 2]
//   const %b = [1, 2]            =>   %y = Add(%x, %a)
//   %y = Add(%x, %a)
//   %z = Add(%x, %b)                  (readers of %z read %y)
//
// Nodes are equal where operator, operands, attributes and annotations are; random ones and those
// with graphs inside never are.
#include <map>

#include "base/hash.h"
#include "ir/match.h"
#include "ir/tensor_index.h"
#include "pass/pass.h"

namespace bantam {
namespace {

// Two things are equal where their keys are: sizes stand before whatever has no fixed length.
class Key {
 public:
  Key& bytes(const void* data, size_t size) {
    number(size);
    text_.append(static_cast<const char*>(data), size);
    return *this;
  }
  template <typename T>
  Key& number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  template <typename T>
  Key& list(const std::vector<T>& values) {
    return bytes(values.data(), values.size() * sizeof(T));
  }
  Key& tensor(const Tensor& t) {
    const Hash hash = hash_of(t.bytes().data(), t.bytes().size());
    t.bytes().rest();
    return number(t.dtype()).list(t.shape()).bytes(hash.data(), hash.size());
  }
  Key& quant(const std::shared_ptr<const Quant>& q) {
    if (!q) return number(uint8_t{0});
    number(uint8_t{1}).number(q->storage).number(q->axis).number(q->bits).number(q->narrow);
    return list(q->scale).list(q->zero);
  }
  Key& attr(const AttrValue& value) {
    number(value.index());
    if (const auto* i = std::get_if<int64_t>(&value)) return number(*i);
    if (const auto* f = std::get_if<float>(&value)) return number(*f);
    if (const auto* s = std::get_if<std::string>(&value)) return bytes(s->data(), s->size());
    if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) return list(*ints);
    if (const auto* reals = std::get_if<std::vector<float>>(&value)) return list(*reals);
    if (const auto* t = std::get_if<std::shared_ptr<const Tensor>>(&value)) return tensor(**t);
    if (const auto* texts = std::get_if<std::vector<std::string>>(&value))
      for (const std::string& s : *texts) bytes(s.data(), s.size());
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string key_of(const Node& node) {
  Key key;
  key.number(node.op).number(node.integer).list(node.inputs);
  for (const Value* v : node.outputs) key.quant(v ? v->quant : nullptr);
  for (const auto& [name, value] : node.attrs()) key.bytes(name.data(), name.size()).attr(value);
  return key.text();
}

bool merge_constants(Graph& graph) {
  bool changed = false;
  TensorIndex seen;
  std::vector<Value*> values;
  for (Value* v : graph.values()) {
    if (!v->is_constant() || v->uses().empty()) continue;
    values.push_back(v);
    Value* first = values[seen.number_of(Key().quant(v->quant).text(), *v->constant, values.size() - 1)];
    if (v != first) changed = read_instead(graph, v, first) || changed;
    if (v != first && v->uses().empty() && !v->is_output()) graph.erase_constant(v);
  }
  return changed;
}

// Every output that `node` makes is made by `other` too.
bool covers(const Node& other, const Node& node) {
  if (other.outputs.size() < node.outputs.size()) return false;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (node.outputs[i] && !other.outputs[i]) return false;
  return true;
}

bool merge_nodes(Graph& graph) {
  bool changed = false;
  std::map<std::string, Node*> seen;
  for (Node* node : graph.nodes()) {  // in order: operands were merged before
    if (node->op->flags & (BT_OP_RANDOM | BT_OP_SUBGRAPH)) continue;
    Node*& first = seen[key_of(*node)];
    if (!first) first = node;
    if (first == node || !covers(*first, *node)) continue;
    bool unused = true;
    for (size_t i = 0; i < node->outputs.size(); ++i) {
      Value* v = node->outputs[i];
      if (!v) continue;
      changed = read_instead(graph, v, first->outputs[i]) || changed;
      unused = unused && v->uses().empty() && !v->is_output();
    }
    if (!unused) continue;
    graph.erase(node);
    changed = true;
  }
  return changed;
}

Result<bool> run(Graph& graph, const NoOptions&, PassContext&) {
  const bool constants = merge_constants(graph);
  return merge_nodes(graph) || constants;
}

}  // namespace

extern constinit const Pass merge_duplicates = make_pass<NoOptions, describe_nothing, run>(
    "Stores equal constants once and computes equal nodes once.", Effect::exact);

}  // namespace bantam
