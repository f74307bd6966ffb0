// SPDX-License-Identifier: Apache-2.0
// One graph on its way into the file. Most nodes are written as they are; those whose ONNX form differs from the
// IR's go through a form (write_form.h), which is the reverse of an upgrade of the importer.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "formats/onnx/proto.h"
#include "ir/graph.h"

namespace bantam {

// A node of the file, before it is written.
struct OnnxCall {
  std::string op, name;
  std::vector<std::string> inputs, outputs;  // "": not given, not wanted
  AttrList attrs;
  std::vector<std::pair<std::string, onnx::GraphProto>> graphs;  // attributes too
  // A move that follows, of the integers where the result is quantized: Squeeze or Reshape, and its list.
  std::string move, move_list;
  std::string subtracted;  // a constant that is taken off behind the operator, before anything else happens to its result

  const AttrValue* attr(const std::string& key) const;
  void set(const std::string& key, AttrValue value);
  void drop(const std::string& key);
  std::string input(size_t i) const { return i < inputs.size() ? inputs[i] : ""; }
};

// The opsets that can be written.
constexpr int kOldestOpset = 13, kLatestOpset = 25;

// One attempt to write a model for an opset, and what it found.
struct OnnxAttempt {
  int opset = 0;
  bool fixed = false;  // the opset is what the user wants: older forms are searched where needed
  bool names = true;
  DType activations = BT_U8, weights = BT_U8;  // how i8 is stored: as it is, or shifted by 128
  DType wide = BT_I16;  // how i16 is stored: as it is, or as u16, shifted by 32768
  bool pairs = false;   // integers are only between QuantizeLinear and DequantizeLinear: nothing moves or clamps them
  int needed = 0;      // the lowest opset that holds what was written
  std::vector<std::string> refused;   // "Gelu needs opset 20 (node \"act\")"
  std::set<std::string> used_names;   // of values of the whole model: graphs inside see those around them
  std::set<std::string> node_names;
  std::vector<std::pair<std::string, uint64_t>> constants;     // name of ours, bytes

  // An opset in which the node's newest form exists may be used.
  bool allows(int since) const { return !fixed || opset >= since; }
  void need(const Node& node, int since, const std::string& what);
  void refuse(const Node& node, const std::string& why);
  std::string fresh_name(const std::string& base);
};

class OnnxGraphWriter {
 public:
  using Names = std::map<const Value*, std::string>;
  OnnxGraphWriter(const Graph& graph, OnnxAttempt& attempt, onnx::GraphProto& proto);
  void run();
  // The graph is an attribute of a node; `outside` names what it takes from the graphs around it, by its inputs.
  void run_inside(const Names& outside);

  // ---- for forms ----
  OnnxAttempt& attempt() { return attempt_; }
  int opset() const { return attempt_.opset; }
  bool keeps_pairs() const { return attempt_.pairs; }
  const Symbols& symbols() const { return graph_.symbols(); }
  std::string constant(const std::string& base, const Tensor& tensor);
  std::string scalar(const std::string& base, DType dtype, double value);
  // A node in front of the one that is being written; gives the name of its output.
  std::string emit(const std::string& op, std::vector<std::string> inputs, AttrList attrs, const std::string& base);
  void write(const OnnxCall& call);
  // The same, with what is taken off behind it.
  void write_operator(const OnnxCall& call);
  // The integers of a quantized value in reals.
  std::string real_of(const Value* v);
  // The operator works on integers alone, which onnxruntime has kernels for.
  bool is_moved_as_stored(const Node& node) const;
  // Elements of i8 (one, or a tensor) in the type that stores activations.
  std::string activation(const std::string& base, const Tensor& i8);
  std::string activation(const std::string& base, int64_t i8);

 private:
  void reserve_names();
  void write_constant(const Value* v);
  void write_node(const Node& node);
  void write_outputs(bool inside);
  void write_all(const Names& outside, bool inside);
  onnx::GraphProto body_of(const Node& node, const Graph& body, const std::string& key);
  std::string name_of(const Value* v) const { return names_.at(v); }
  std::string operand(const Value* v);

  // ---- write_quant.cc ----
  DType stored_type(const Value* v) const;
  void write_moved(const Node& node, OnnxCall& call);
  struct Affine {
    std::string scale, zero;
    int64_t axis = -1;
    AttrList attrs() const;
  };
  const Affine& affine_of(const Value* v);
  void write_quantize(const std::string& real, const Value* v, const std::string& to);
  std::string stored_weight(const Value* v);
  void put_wide_bias_behind(const Node& node, OnnxCall& call);
  void need_wide(const Node& node);
  // Write the node, its clamp, and what makes its integers.
  void finish_quantized(const Node& node, OnnxCall& call);
  void finish_in_pairs(const Node& node, OnnxCall& call, bool clamps);
  void finish_float(const Node& node, OnnxCall& call);
  void write_clamp(const Node& node, const std::string& from, const std::string& to);

  const Graph& graph_;
  OnnxAttempt& attempt_;
  onnx::GraphProto& proto_;
  Names names_;
  Names reals_;    // what DequantizeLinear makes of it
  std::map<const Value*, Affine> affines_;
  Names written_;  // constants
};

// Integers of i8 as u8 stores them: shifted by 128; of i16 as u16, likewise; of i64 as i32.
Tensor stored(const Tensor& integers, DType type);

// True where the value's elements are integers that stand for reals.
inline bool is_stored_quantized(const Value* v) { return v && v->quant && bt_is_int(v->dtype); }

}  // namespace bantam
