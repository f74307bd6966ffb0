// SPDX-License-Identifier: Apache-2.0
// Brings a graph into the words of TensorFlow Lite: what one of its operators cannot say is spelled
// out in several nodes of the IR, so that every node left is written as one operator (or two). The
// numbers stay, but for the rounding of floats.
//
//   %y = Conv(%x, %w) {pads=[1, 1, 1, 1], strides=[2, 2]}   =>   %p = Pad(%x, [0, 1, 1, 0, 0, 1, 1,
//   0])
//                                                                %y = Conv(%p, %w) {strides=[2, 2]}
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"

namespace bantam {

using Notes = std::vector<std::string>;

// Notes say what is computed in float between integers.
Result<void> fit_graph(Graph& graph, Notes& notes);

// True: the node was replaced or changed.
using FitNode = Result<bool> (*)(Graph& graph, Node* n);
struct FitRow {
  const char* name;
  FitNode fit;
};
std::span<const FitRow> window_fits();
std::span<const FitRow> norm_fits();
std::span<const FitRow> function_fits();
std::span<const FitRow> product_fits();
std::span<const FitRow> reduce_fits();
std::span<const FitRow> index_fits();

// Makes f32 of all floats of 16 bits.
Result<void> widen_halves(Graph& graph, Notes& notes);

// Computes the node in floats, between a Dequantize and a Quantize.
Result<void> compute_in_float(Graph& graph, Node* n);
// The integers of a node can be computed in the format as the IR computes them.
bool has_integer_form(const Node& n);
// The same of nodes with 16-bit operands or results (fit_wide.cc).
bool has_wide_form(const Node& n);

// Writes nodes in front of one that they will replace. After a failure all calls do nothing, and
// become() returns the error.
class Speller {
 public:
  Speller(Graph& graph, Node* node) : graph_(graph), node_(node) {}
  Value* add(const char* op, std::vector<Value*> inputs, AttrList attrs = {});
  // The same with a result that is stored in integers.
  Value* add_stored(const char* op, std::vector<Value*> inputs, AttrList attrs,
                const std::shared_ptr<const Quant>& quant);
  std::vector<Value*> add_many(const char* op, std::vector<Value*> inputs, AttrList attrs,
                               size_t outputs);
  Value* number(float value);
  Value* list(const std::vector<int64_t>& values);
  Value* constant(Tensor data);
  // `made` takes the place of the node's first output; the node goes.
  Result<bool> become(Value* made);

 private:
  Graph& graph_;
  Node* node_;
  std::optional<Error> error_;
};

}  // namespace bantam
