// SPDX-License-Identifier: Apache-2.0
// From ONNX messages to a Graph. One Importer per model, one Scope per graph or function body.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/text.h"
#include "format/format.h"
#include "formats/onnx/proto.h"
#include "formats/onnx/tensor.h"
#include "formats/onnx/upgrade.h"

namespace bantam {

using NodeList = google::protobuf::RepeatedPtrField<onnx::NodeProto>;
using FunctionKey = std::pair<std::string, std::string>;  // domain, name
using Arguments = std::map<std::string, const onnx::AttributeProto*>;  // of a function call, by name
using Captures = std::vector<std::pair<std::string, Value*>>;          // name inside, value outside

// Names that nodes of one graph can see. Subgraphs see those of the graphs around them, too: what they
// take from there becomes an input of the subgraph, unless it is a constant.
struct Scope {
  Graph* graph = nullptr;
  Scope* outer = nullptr;
  std::unordered_map<std::string, Value*> values;
  std::set<std::string> absent;  // inputs of a function that its caller left out
  Captures captures;  // outer values that became inputs of this graph
  std::unordered_map<Value*, Value*> captured;           // outer value -> input
  std::map<std::string, int> opsets;
  std::string prefix;                                     // of names inside an expanded function
  const Arguments* arguments = nullptr;                   // of the function call
  bool shapes = true;  // false: what comes from outside comes without its shape
};

class Importer {
 public:
  Importer(const onnx::ModelProto& model, const std::unordered_map<int, Bytes>& raw_data,
           std::string folder, const ReadOptions& options);
  Result<Model> run();

 private:
  // model.cc
  Result<void> check_header();
  Result<void> check_functions();
  Result<void> check_supported();
  // `caller` is the node that a subgraph belongs to; null for the main graph.
  Result<void> import_inputs(const onnx::GraphProto& proto, Scope& scope, const OnnxNode* caller);
  Result<void> import_initializers(const onnx::GraphProto& proto, Scope& scope, bool is_main);
  Result<void> import_outputs(const onnx::GraphProto& proto, Scope& scope);
  Result<std::optional<Shape>> shape_from_proto(const onnx::TypeProto_Tensor& type, const std::string& name,
                                                Symbols& symbols);
  // nodes.cc
  Result<void> import_nodes(const NodeList& nodes, Scope& scope);
  Result<std::vector<const onnx::NodeProto*>> sorted(const NodeList& nodes, const Scope& scope);
  void note_scales(const OnnxNode& node);
  Result<void> import_node(const onnx::NodeProto& proto, Scope& scope);
  Result<void> import_constant(const onnx::NodeProto& proto, OnnxNode& node, Scope& scope);
  Result<void> inline_function(const onnx::NodeProto& proto, OnnxNode& node,
                               const onnx::FunctionProto& function, Scope& scope);
  Result<void> emit(OnnxNode& node, Scope& scope);
  Result<Value*> lookup(const std::string& name, Scope& scope, const std::string& node_name);
  Value* find(const std::string& name, Scope& scope);
  Result<OnnxNode> parse_node(const onnx::NodeProto& proto, Scope& scope);
  Result<void> parse_attribute(const onnx::AttributeProto& proto, OnnxNode& node, Scope& scope);
  Result<void> define(const std::string& name, Value* value, Scope& scope);
  // The constant that a message holds. Made once for each message: a function that is called a thousand
  // times does not hold its weights a thousand times.
  template <typename Proto>
  Result<Tensor> tensor_of(const Proto& proto);
  // subgraphs.cc
  Result<std::shared_ptr<Graph>> import_subgraph(const onnx::GraphProto& proto, Scope& outer,
                                                 const OnnxNode& node, Captures& captures);
  Result<std::shared_ptr<Graph>> import_body(const onnx::GraphProto& proto, Scope& outer, const OnnxNode& node,
                                             bool shapes, Captures& captures);
  Result<void> finish_subgraphs(OnnxNode& node, Scope& scope);

  const onnx::ModelProto& model_;
  const std::unordered_map<int, Bytes>& raw_data_;
  ExternalData files_;
  std::unordered_map<const void*, Tensor> tensors_;  // by message; see tensor_of
  const ReadOptions& options_;
  bool notes_scales_ = false;  // said once
  Model result_;
  std::map<FunctionKey, const onnx::FunctionProto*> functions_;
  std::map<FunctionKey, std::map<std::string, onnx::AttributeProto>> function_defaults_;
  // captures of the subgraphs of the node that is being imported, by attribute
  std::map<std::string, Captures> pending_captures_;
  int64_t call_count_ = 0;
};

// The default domain has two spellings.
inline std::string domain_of(const std::string& text) { return text == "ai.onnx" ? "" : text; }

// The name of an operator for messages: safe to print, and not endless.
inline std::string op_text(const std::string& op) {
  return op.size() <= 120 ? printable(op) : printable(op.substr(0, 120)) + "...";
}

constexpr int kNewestOpset = 25;
constexpr int kNewestIr = 14;

}  // namespace bantam
