// SPDX-License-Identifier: Apache-2.0
// Reductions, and Softmax with its logarithm.
#include <numeric>

#include "base/format.h"
#include "formats/tflite/operators.h"
#include "ir/match.h"

namespace bantam {
namespace {

BuiltinOperator reduction(const Node& n) {
  if (n.is("ReduceMean")) return BuiltinOperator::MEAN;
  if (n.is("ReduceSum")) return BuiltinOperator::SUM;
  if (n.is("ReduceProd")) return BuiltinOperator::REDUCE_PROD;
  return n.is("ReduceMax") ? BuiltinOperator::REDUCE_MAX : BuiltinOperator::REDUCE_MIN;
}

Result<void> emit_reduce(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  if (x->dtype != BT_F32 && x->dtype != BT_I32 && x->dtype != BT_I64 && !is_quantized(x))
    return cannot(formatted("a reduction of {}", bt_dtype_name(x->dtype)));
  auto axes = n.input(1) ? integers_of(n.input(1)) : std::optional(std::vector<int64_t>());
  if (!axes) return cannot("axes that are computed");
  if (axes->empty() && n.attr_int("noop_with_empty_axes")) {
    e.reshape(e.tensor(x), e.tensor(y), *y->shape);
    return {};
  }
  if (axes->empty()) {
    axes->resize(static_cast<size_t>(x->rank()));
    std::iota(axes->begin(), axes->end(), 0);
  }
  for (int64_t& a : *axes) a = a < 0 ? a + x->rank() : a;
  e.op(reduction(n), e.version(x), {e.tensor(x), e.ints(*axes)}, {e.tensor(y)},
       tfl::CreateReducerOptions(e.flat(), n.attr_int("keepdims") != 0));
  return {};
}

// Old kernels take up to four axes.
Result<void> emit_softmax(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  const bool wide = x->rank() > 4;
  const Shape rows = {-1, x->shape->back()};
  int in = e.tensor(x), out = e.tensor(y);
  if (wide) {
    in = e.between(x, rows);
    e.reshape(e.tensor(x), in, rows);
    out = e.between(y, rows);
  }
  if (n.is("Softmax"))
    e.op(BuiltinOperator::SOFTMAX, e.version(x), {in}, {out},
         tfl::CreateSoftmaxOptions(e.flat(), 1.0f));
  else
    e.op(BuiltinOperator::LOG_SOFTMAX, 1, {in}, {out});
  if (wide) e.reshape(out, e.tensor(y), *y->shape);
  return {};
}

constexpr OperatorRow kRows[] = {
    {"ReduceMean", emit_reduce},  {"ReduceSum", emit_reduce},  {"ReduceMax", emit_reduce},
    {"ReduceMin", emit_reduce},   {"ReduceProd", emit_reduce}, {"Softmax", emit_softmax},
    {"LogSoftmax", emit_softmax},
};

}  // namespace

std::span<const OperatorRow> reduce_rows() { return kRows; }

}  // namespace bantam
