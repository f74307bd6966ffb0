// SPDX-License-Identifier: Apache-2.0
// Moves images from one order of axes to the other: [N,C,...] ("first") and [N,...,C] ("last"). The work of
// to-channels-last and to-channels-first, on float graphs and on lowered ones.
//
// Walks the graph once. A value whose producer can work in the new order gets a twin in that order; the
// old one is made (by one Transpose) only where somebody cannot do without it. Operators between two
// convolutions follow: element by element, with their axis moved, or with their operands permuted. Which
// axis is which follows from the operators, never from equal lengths. Weights are permuted once, here.
#pragma once

#include <map>
#include <set>
#include <string>

#include "ir/permute.h"
#include "pass/pass.h"

namespace bantam {

enum class ImageOrder { first, last };

class Layouter {
 public:
  Layouter(Graph& graph, ImageOrder to, PassContext& ctx);
  // True: something was changed.
  Result<bool> run();

 private:
  // ---- layouter.cc: values in one order or the other ----
  Perm perm(int rank) const { return to_ == ImageOrder::last ? channels_to_last(rank) : channels_to_first(rank); }
  static bool is_image(const Value* v) { return v && v->rank() >= 3 && v->rank() <= 5; }
  Value* twin(const Value* v) const;
  void find_sources();
  bool makes_old(const Node& node) const;
  Result<Value*> reorder(Value* v, const Perm& perm, Node* where, const std::string& name);
  Result<Value*> moved(Value* v, Node* where);
  Value* moved_constant(const Value* v, int rank);
  std::string twin_name(const std::string& name) const;
  Result<void> replace(Node* node, std::vector<Value*> inputs, AttrList attrs);
  Result<void> visit(Node* node);
  Result<void> finish();
  Result<void> make_old(Node* node);

  // ---- layout_nodes.cc: one node ----
  Value* permuted_list(const Value* v, int rank);
  Result<void> spatial(Node* node);
  Result<Value*> operand(Value* v, int rank, Node* where);
  bool pays(const Node* node, int rank) const;
  Result<void> elementwise(Node* node);
  Result<void> along_axis(Node* node);
  Result<void> over_axes(Node* node);
  Result<void> transpose(Node* node);
  Result<void> per_axis(Node* node);

  // ---- layout_weights.cc: weights of convolutions ----
  bool can_move_weight(const Node& node) const;
  Result<Value*> weight(Node* node, Value* w);
  Value* deconvolution_weight(const Node& node, const Value& w);

  Graph& graph_;
  const ImageOrder to_;
  const std::string layout_;  // the word for to_: also ends the names of twins
  PassContext& ctx_;
  std::map<const Value*, Value*> twins_;
  std::map<std::pair<const Value*, int64_t>, Value*> weights_;  // by group of a ConvTranspose; 0: of a Conv
  std::set<const Node*> sources_;  // Transposes out of the new order: what they read is the twin
  bool changed_ = false;
};

}  // namespace bantam
