// SPDX-License-Identifier: Apache-2.0
// One NodeProto on its way into the graph: parsed, then brought to the newest form of its operator
// (upgrade.h), then emitted.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace bantam {

struct OnnxNode {
  std::string name, op, domain;
  int opset = 0;                     // of the node's domain
  std::vector<Value*> inputs;        // null: not given
  std::vector<std::string> outputs;  // "": not wanted
  std::map<std::string, AttrValue> attrs;
  AttrList own_attrs;                // of the IR, unknown to ONNX
  std::vector<Value*> made;          // where an upgrade emitted everything itself: the outputs

  bool has(const std::string& key) const { return attrs.count(key) > 0; }
  // The attribute, removed from the node; the fallback where it is not there. A wrong kind was
  // reported before (parse_attributes checks kinds against old and new schemas).
  int64_t take_int(const std::string& key, int64_t fallback);
  float take_float(const std::string& key, float fallback);
  std::string take_text(const std::string& key, const std::string& fallback);
  std::vector<int64_t> take_ints(const std::string& key);
  std::vector<float> take_floats(const std::string& key);
  Value* input(size_t i) const { return i < inputs.size() ? inputs[i] : nullptr; }
  // Makes input i exist (null) and sets it.
  void set_input(size_t i, Value* v);
};

// Where upgraded nodes go.
class NodeSink {
 public:
  explicit NodeSink(Graph& graph) : graph_(graph) {}
  Graph& graph() { return graph_; }
  Value* ints(const std::string& name, const std::vector<int64_t>& values);  // i64 vector
  Value* scalar(const std::string& name, DType dtype, double value);         // of any type
  // Appends a node with one output of its own name; for the inner nodes of an expansion.
  Result<Value*> emit(const OnnxNode& origin, const std::string& op, std::vector<Value*> inputs,
                      AttrList attrs = {}, const std::string& suffix = "");

 private:
  Graph& graph_;
};

}  // namespace bantam
