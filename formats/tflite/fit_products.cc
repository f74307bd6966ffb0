// SPDX-License-Identifier: Apache-2.0
// Matrix products. FULLY_CONNECTED takes a constant matrix and a bias; BATCH_MATMUL two stacks of
// matrices and nothing else.
//
//   Gemm with factors, a transposed A, a computed B, or an addend that is no bias  =>  MatMul, Mul,
//   Add MatMul with a bias or a clamp, where B is computed or a stack                  =>  MatMul,
//   Add, Clip MatMul of vectors                                                              =>  of
//   matrices
#include <cmath>

#include "formats/tflite/emitter.h"
#include "formats/tflite/fit.h"
#include "ir/match.h"

namespace bantam {
namespace {

AttrList clamp_attrs(const Node& n) {
  return {{"lo", n.attr_float("lo")}, {"hi", n.attr_float("hi")}};
}

bool is_bias(const Value* c, int64_t outputs) {
  return !c || (c->is_constant() && c->constant->count() == outputs && c->shape->back() == outputs);
}

bool is_fully_connected(const Node& gemm) {
  const Value* b = gemm.inputs[1];
  if (!b->is_constant() || gemm.attr_int("transA") || gemm.attr_float("alpha") != 1 ||
      gemm.attr_float("beta") != 1)
    return false;
  return is_bias(gemm.input(2), (*b->shape)[gemm.attr_int("transB") ? 0 : 1]);
}

Result<bool> fit_gemm(Graph& graph, Node* n) {
  if (is_fully_connected(*n) || n->inputs[0]->dtype != BT_F32) return false;
  Speller s(graph, n);
  const std::vector<int64_t> swap = {1, 0};
  Value* a =
      n->attr_int("transA") ? s.add("Transpose", {n->inputs[0]}, {{"perm", swap}}) : n->inputs[0];
  Value* b =
      n->attr_int("transB") ? s.add("Transpose", {n->inputs[1]}, {{"perm", swap}}) : n->inputs[1];
  Value* y = s.add("MatMul", {a, b});
  const float alpha = n->attr_float("alpha"), beta = n->attr_float("beta");
  if (alpha != 1) y = s.add("Mul", {y, s.number(alpha)});
  Value* c = n->input(2);
  if (c && beta != 1) c = s.add("Mul", {c, s.number(beta)});
  if (c)
    y = s.add("Add", {y, c}, clamp_attrs(*n));
  else if (has_clamp(*n))
    y = s.add("Clip", {y, s.number(n->attr_float("lo")), s.number(n->attr_float("hi"))});
  return s.become(y);
}

// A vector on either side becomes a matrix of one row or column.
Result<bool> widen(Graph& graph, Node* n) {
  Speller s(graph, n);
  const bool row = n->inputs[0]->rank() == 1, column = n->inputs[1]->rank() == 1;
  std::vector<Value*> inputs = n->inputs;
  if (row) inputs[0] = s.add("Unsqueeze", {inputs[0], s.list({0})});
  if (column) inputs[1] = s.add("Unsqueeze", {inputs[1], s.list({1})});
  Value* y = s.add("MatMul", inputs, n->attrs());
  std::vector<int64_t> gone;
  if (row) gone.push_back(-2);
  if (column) gone.push_back(-1);
  return s.become(s.add("Squeeze", {y, s.list(gone)}));
}

Result<bool> fit_mat_mul(Graph& graph, Node* n) {
  const Value *a = n->inputs[0], *b = n->inputs[1];
  if (a->dtype != BT_F32 || !b->shape || a->rank() < 1 || b->rank() < 1) return false;
  if (a->rank() == 1 || b->rank() == 1) return widen(graph, n);
  const bool fully_connected = b->is_constant() && b->rank() == 2;
  if (fully_connected || (!n->input(2) && !has_clamp(*n))) return false;
  Speller s(graph, n);
  Value* y = s.add("MatMul", {n->inputs[0], n->inputs[1]});
  if (n->input(2))
    y = s.add("Add", {y, n->input(2)}, clamp_attrs(*n));
  else
    y = s.add("Clip", {y, s.number(n->attr_float("lo")), s.number(n->attr_float("hi"))});
  return s.become(y);
}

constexpr FitRow kRows[] = {{"Gemm", fit_gemm}, {"MatMul", fit_mat_mul}};

}  // namespace

std::span<const FitRow> product_fits() { return kRows; }

}  // namespace bantam
