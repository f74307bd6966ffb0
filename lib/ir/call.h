// SPDX-License-Identifier: Apache-2.0
// The tool's side of bt_call: nodes of the IR seen by the operators' C functions.
#pragma once

#include <deque>
#include <vector>

#include "base/result.h"
#include "ir/graph.h"
#include "runtime/frame.h"

namespace bantam {

// One call of an operator's functions on C views of a node's values.
class Call {
 public:
  explicit Call(bt_env& env) : env_(env) {}
  // Runs the operator's shape rule; fails with its message.
  Result<void> infer(const Node& node);
  // Multiply-adds of a node whose types are inferred; 0 where the operator counts none or lengths are open.
  int64_t macs(const Node& node);
  const bt_tensor& output(size_t i) const { return outputs_[i]; }

 private:
  void begin(const Node& node, bt_call& call);
  void view(const Value& v, bt_tensor& t);
  void fill_attrs(const Node& node);

  bt_env& env_;
  std::vector<bt_tensor> inputs_, outputs_;
  std::vector<const bt_tensor*> in_;
  std::vector<bt_tensor*> out_;
  std::vector<bt_attr> attrs_;
  std::vector<std::vector<int64_t>> ints_;
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<const char*>> texts_;
  std::deque<bt_quant> quants_;
  std::deque<bt_tensor> tensors_;
};

int64_t multiply_adds(const Node& node);

}  // namespace bantam
