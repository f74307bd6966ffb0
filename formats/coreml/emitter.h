// SPDX-License-Identifier: Apache-2.0
// What the function that writes one operator sees: the node, its operands as values of the program, and ways to
// add operations. Quantized values are reals in a program: behind what makes one, a quantize and a dequantize
// round it to its grid, which is the pattern that Core ML computes in 8-bit integers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "format/size_map.h"
#include "formats/coreml/constant.h"
#include "formats/coreml/program.h"
#include "ir/graph.h"

namespace bantam::coreml {

class Emitter {
 public:
  Emitter(Program& program, const Storage& storage);

  // ---- the node ----
  Result<void> write(const Node& node);  // by the operator's function; unsupported: the message is the reason
  const Node& node() const { return *node_; }
  bool given(size_t i) const { return node_->input(i) != nullptr; }
  bool is_constant(size_t i) const { return given(i) && data_of(node_->input(i)) != nullptr; }
  const Tensor& data(size_t i) const { return *data_of(node_->input(i)); }  // of one that is constant
  const Shape& shape(size_t i) const { return *node_->input(i)->shape; }
  const Shape& result_shape(size_t i = 0) const { return *node_->output(i)->shape; }
  int64_t rank() const { return static_cast<int64_t>(shape(0).size()); }
  int64_t axis(const char* attribute) const;  // from 0
  std::optional<std::vector<int64_t>> integers(size_t i) const;
  std::optional<double> number(size_t i) const;
  Element real() const { return element_of(node_->output() ? node_->output() : node_->input(0)); }  // of the result
  Type type(const Value* v) const { return {element_of(v), *v->shape}; }

  // ---- operands ----
  std::string in(size_t i) { return value(node_->input(i)); }
  std::string in_permuted(size_t i, const std::vector<int64_t>& perm);  // of a constant
  std::string in_reshaped(size_t i, const Shape& dims);                 // of a constant
  std::string in_entry(size_t i, int64_t at);                           // of a constant, along its first axis
  std::string value(const Value* v);

  // ---- operations ----
  // Something between; of the result's type, or of another.
  std::string temporary(const char* operation, const Inputs& inputs) { return temporary(operation, inputs, type(node_->output())); }
  std::string temporary(const char* operation, const Inputs& inputs, Type type);
  std::vector<std::string> temporaries(const char* operation, const Inputs& inputs, const std::vector<Type>& types);
  // What the node's output is. With `clamp`, cut to the node's lo and hi.
  void result(const char* operation, const Inputs& inputs, size_t output = 0);
  void clamped_result(const char* operation, const Inputs& inputs);
  // All outputs at once; `types` has one for each that the operation makes, wanted or not.
  void results(const char* operation, const Inputs& inputs, const std::vector<Type>& types);
  void same(const std::string& name);  // the output is that value
  void round_to_grid(const std::string& reals) { rounded(node_->output(), reals); }

  std::string text(const std::string& v) { return program_.text(v); }
  std::string flag(bool v) { return program_.boolean(v); }
  std::string flags(const std::vector<bool>& v) { return program_.booleans(v); }
  std::string integer(int64_t v) { return program_.integer(v); }
  std::string list(const std::vector<int64_t>& v) { return program_.integers(v); }
  std::string scalar(double v) { return program_.real(real(), static_cast<float>(v)); }
  std::string reals(const Shape& dims, const std::vector<float>& v) { return program_.constant("reals", Data::of_reals(real(), dims, v)); }
  // Some operations came later than iOS 15.
  void need(int ios) { needed_ = std::max(needed_, ios); }

  // ---- the graph ----
  void bind(const Value* v, const std::string& name) { names_[v] = name; }
  // Why the value has no place in a program; "": it has.
  std::string refusal(const Value* v) const;
  Element element_of(const Value* v) const;
  int needed() const { return needed_; }
  const std::vector<SizeRow>& size_map() const { return size_map_; }
  // Names that outputs must get; set before the first node.
  std::map<const Value*, std::string> output_names;

 private:
  static const Tensor* data_of(const Value* v) { return v->constant ? v->constant.get() : v->known.get(); }
  static bool has_large_integers(const Node& node);
  std::string constant(const Value* v, const Constant& c, const std::string& key);
  std::string write_plain(const Value* v, const Tensor& t);
  void finish(const Value* v, const char* operation, const Inputs& inputs);
  void rounded(const Value* v, const std::string& reals);
  const std::string& wish() const;

  Program& program_;
  Storage storage_;
  const Node* node_ = nullptr;
  int needed_ = 15;
  std::map<const Value*, std::string> names_;
  std::map<std::pair<const Value*, std::string>, std::string> constants_;  // by value and form
  std::vector<SizeRow> size_map_;
};

// The axis of a constant along which its output channels lie, as its readers see it.
int channel_axis_of(const Value* v);

// Writes a node; the error's text is the reason why not.
using EmitFunction = Result<void> (*)(Emitter& e, const char* operation);
struct OperatorRow {
  const char* op;         // in the graph
  EmitFunction emit;
  const char* operation;  // in a program, where the function serves several
};
// One table per file of operators.
extern const std::vector<OperatorRow> elementwise_rows, product_rows, pooling_rows, shape_rows, reduction_rows, resize_rows,
    recurrent_rows;
const OperatorRow* find_operator(std::string_view op);

Shape broadcast(const Shape& a, const Shape& b);
inline Error refuse(std::string reason) { return {Code::unsupported, std::move(reason)}; }

}  // namespace bantam::coreml
