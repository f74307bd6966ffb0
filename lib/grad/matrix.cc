// SPDX-License-Identifier: Apache-2.0
// Gradients of matrix products.

#include "grad/tape.h"

namespace bantam {
namespace {

// All but the last axis as one.
Shape as_matrix(const Shape& shape) {
  const int64_t last = shape.back();
  return {last > 0 ? element_count(shape) / last : 0, last};
}

Value* turned(Tape& t, Value* matrix) {
  std::vector<int64_t> perm;
  const auto rank = static_cast<int64_t>(shape_of(matrix).size());
  for (int64_t d = 0; d < rank; ++d) perm.push_back(d);
  std::swap(perm[perm.size() - 2], perm.back());
  return t.transposed(matrix, perm);
}

void add_bias(Tape& t, const Node& n, Value* d) {
  Value* bias = n.input(2);
  if (t.wants(bias)) t.add(bias, t.summed(t.reshaped(d, as_matrix(shape_of(d))), {0}, false));
}

// One matrix on the right serves all rows on the left; stacks must agree or be broadcast.
void mat_mul(Tape& t, const Node& n) {
  Value *a = n.inputs[0], *b = n.inputs[1], *d = t.through_clamp(n);
  if (t.wants(a)) t.add(a, t.make("MatMul", {d, turned(t, b)}));
  if (t.wants(b)) {
    if (shape_of(b).size() == 2) {
      Value *rows = t.reshaped(a, as_matrix(shape_of(a))),
            *results = t.reshaped(d, as_matrix(shape_of(d)));
      t.add(b, t.make("MatMul", {turned(t, rows), results}));
    } else {
      t.add(b, t.make("MatMul", {turned(t, a), d}));
    }
  }
  add_bias(t, n, d);
}

bool has_matrices(const Node& n) {
  return shape_of(n.inputs[0]).size() >= 2 && shape_of(n.inputs[1]).size() >= 2;
}

void gemm(Tape& t, const Node& n) {
  Value *a = n.inputs[0], *b = n.inputs[1], *d = t.through_clamp(n);
  const bool across = n.attr_int("transB") != 0;
  if (t.wants(a)) t.add(a, t.make("MatMul", {d, across ? b : turned(t, b)}));
  if (t.wants(b))
    t.add(b, across ? t.make("MatMul", {turned(t, d), a}) : t.make("MatMul", {turned(t, a), d}));
  add_bias(t, n, d);
}

bool is_plain_gemm(const Node& n) {
  const Value* c = n.input(2);
  const bool vector = !c || (shape_of(c).size() == 1 && shape_of(c)[0] == shape_of(n.output())[1]);
  return n.attr_int("transA") == 0 && n.attr_float("alpha") == 1 &&
         (!c || n.attr_float("beta") == 1) && vector;
}

}  // namespace

const GradientRules& matrix_rules() {
  static const GradientRules rules = {{"MatMul", has_matrices, mat_mul},
                                      {"Gemm", is_plain_gemm, gemm}};
  return rules;
}

}  // namespace bantam
