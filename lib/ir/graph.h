// SPDX-License-Identifier: Apache-2.0
// The intermediate representation: a graph of values and nodes.
//
// A Graph owns everything. Only its methods edit it, and they keep uses and producers right, so a
// pass may look at `value->uses()` at any time. Nodes are kept in a valid order of execution. A node
// is generic: an operator (the `bt_op` of lib/ops), inputs, outputs, and attributes that were checked
// against the operator's schema when they were set.
//
// Subgraphs (the bodies of If, Loop and Scan) are attributes. They see nothing of the graph around
// them: what they use from outside comes in through inputs.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "ir/quant.h"
#include "ir/tensor.h"
#include "runtime/op.h"

namespace bantam {

class Graph;
struct Node;

using AttrValue = std::variant<int64_t, float, std::string, std::vector<int64_t>, std::vector<float>,
                               std::vector<std::string>, std::shared_ptr<const Tensor>,
                               std::shared_ptr<Graph>>;
// Attributes by name, as callers give them.
using AttrList = std::vector<std::pair<std::string, AttrValue>>;

struct Use {
  Node* node;
  int index;  // node->inputs[index] is the value
};

// Smallest and largest number seen in calibration.
struct Range {
  float lo = 0, hi = 0;
};

struct Value {
  std::string name;  // unique in the graph; the source model's name where there is one
  DType dtype = BT_F32;
  std::optional<Shape> shape;              // empty: not even the rank is known
  std::shared_ptr<const Tensor> constant;  // set: the value is a constant
  std::shared_ptr<const Quant> quant;      // set: annotated or lowered (ir/quant.h)
  std::optional<Range> range;              // set by calibration
  // What shape inference knows of a computed value: all of it, or (for small integer tensors) some
  // elements, the others being BT_SYMBOL(dimension).
  std::shared_ptr<const Tensor> known;
  std::vector<int64_t> partial;

  Node* producer = nullptr;  // null for inputs and constants
  const std::vector<Use>& uses() const { return uses_; }
  bool is_constant() const { return constant != nullptr; }
  bool is_input() const { return is_input_; }
  bool is_output() const { return !output_places_.empty(); }
  // Rank, or -1.
  int rank() const { return shape ? static_cast<int>(shape->size()) : -1; }

 private:
  friend class Graph;
  std::vector<Use> uses_;
  bool is_input_ = false;
  std::vector<size_t> output_places_;  // among the graph's outputs
  size_t slot_ = 0;
};

struct Node {
  std::string name;
  const bt_op* op = nullptr;
  std::vector<Value*> inputs;   // null: not given
  std::vector<Value*> outputs;  // null: nobody wants it
  // Annotation of `quantize`: computed in integers once the graph is lowered.
  bool integer = false;

  bool is(std::string_view op_name) const { return op_name == op->name; }
  Value* input(size_t i) const { return i < inputs.size() ? inputs[i] : nullptr; }
  Value* output(size_t i = 0) const { return i < outputs.size() ? outputs[i] : nullptr; }

  // Attributes; asking for one that the operator does not have is a bug (the process stops).
  int64_t attr_int(std::string_view key) const;
  float attr_float(std::string_view key) const;
  std::string attr_word(std::string_view key) const;  // of BT_ENUM and BT_TEXT
  std::vector<int64_t> attr_ints(std::string_view key) const;
  std::vector<float> attr_floats(std::string_view key) const;
  std::shared_ptr<Graph> attr_graph(std::string_view key) const;
  bool has_attr(std::string_view key) const;  // the operator has it, set or not
  AttrList attrs() const;                     // those that are set
  const AttrValue* attr(size_t schema_index) const;  // null: the default holds
  // Fails (internal) where the key or the kind does not fit the operator's schema.
  Result<void> set_attr(std::string_view key, AttrValue value);

 private:
  friend class Graph;
  std::vector<std::pair<int, AttrValue>> attrs_;  // by index in the schema, sorted, no defaults
  std::vector<size_t> use_slots_;  // inputs[i]->uses()[use_slots_[i]] is the use by this input
  Node *prev_ = nullptr, *next_ = nullptr;
  size_t slot_ = 0;
};

// Names of unknown lengths ("N", "height"), shared by a graph and its subgraphs.
class Symbols {
 public:
  int64_t dim(std::string_view name);          // the same number for the same name; below -1
  std::string name(int64_t dim) const;         // "?" for -1
 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, int64_t> dims_;
};

class Graph {
 public:
  explicit Graph(std::string name = "", std::shared_ptr<Symbols> symbols = nullptr);
  Graph(Graph&&) = default;
  Graph& operator=(Graph&&) = default;

  std::string name;
  Symbols& symbols() const { return *symbols_; }
  const std::shared_ptr<Symbols>& shared_symbols() const { return symbols_; }

  // ---- looking ----
  std::vector<Node*> nodes() const;  // in order of execution; a snapshot, safe to edit under
  size_t node_count() const { return node_count_; }
  Node* first() const { return first_; }                        // null where there is none
  Node* next(const Node* node) const { return node->next_; }
  std::vector<Value*> values() const;  // in order of creation
  const std::vector<Value*>& inputs() const { return inputs_; }
  const std::vector<Value*>& outputs() const { return outputs_; }
  Value* find(std::string_view value_name) const;  // null where there is none

  // ---- building ----
  // Names that are taken get a number appended.
  Value* add_input(std::string_view name, DType dtype, std::optional<Shape> shape);
  Value* add_constant(std::string_view name, Tensor data, std::shared_ptr<const Quant> quant = nullptr);
  void add_output(Value* value);
  // At the end, or before `where`. Output values get the names given ("": null output). Types and
  // shapes are inferred (ir/infer.h); a failure leaves the graph as it was.
  Result<Node*> append(std::string_view op, std::string_view name, std::vector<Value*> inputs,
                       AttrList attrs, const std::vector<std::string>& outputs);
  Result<Node*> insert_before(Node* where, std::string_view op, std::string_view name,
                              std::vector<Value*> inputs, AttrList attrs,
                              const std::vector<std::string>& outputs);
  // A name like `base` that no value has yet.
  std::string unique_name(std::string_view base) const;

  // ---- editing ----
  void set_input(Node* node, int index, Value* value);
  void add_node_input(Node* node, Value* value);
  void replace_uses(Value* old_value, Value* new_value);  // in nodes and among the graph's outputs
  // The node's output i becomes a value without producer, which must then be given another one.
  void erase(Node* node);    // its outputs must be unused; they go with it
  void erase_constant(Value* unused);
  void make_constant(Value* value, Tensor data);  // a computed value; its producer must be erased after
  void move_before(Node* node, Node* where);
  void rename(Value* value, std::string_view name);
  void remove_input(size_t index);  // the value must be unused
  void set_input_order(const std::vector<Value*>& order);  // the same inputs in another order
  // Turns an input into a constant.
  void bind_input(Value* input, Tensor data);
  // Gives the name (and the place among the outputs) of `old_value` to `new_value`.
  void take_over_output(Value* old_value, Value* new_value);

  Graph clone() const;
  // A copy of a node of another graph, with other inputs; output types are copied, not inferred, and
  // all its outputs become outputs of this graph.
  Node* adopt_copy(const Node& node, const std::vector<Value*>& inputs);

 private:
  Value* new_value(std::string_view name);
  Value* copy_value(const Value& v);
  Node* copy_node(const Node& n, const std::vector<Value*>& inputs, const std::vector<Value*>& outputs);
  void link_use(Value* value, Node* node, int index);
  void move_output_places(Value* from, Value* to);
  void unlink_use(Value* value, Node* node, int index);
  void forget_value(Value* value);
  void link(Node* node, Node* where);
  void unlink(Node* node);

  std::shared_ptr<Symbols> symbols_;
  std::vector<std::unique_ptr<Value>> values_;  // null: erased
  std::vector<std::unique_ptr<Node>> nodes_;
  Node *first_ = nullptr, *last_ = nullptr;
  size_t node_count_ = 0;
  std::vector<Value*> inputs_, outputs_;
  std::unordered_map<std::string, Value*> by_name_;
  mutable std::unordered_map<std::string, int> next_number_;
};

}  // namespace bantam
