// SPDX-License-Identifier: Apache-2.0
// Operators that read or make indices and lengths.
#include <algorithm>

#include "base/format.h"
#include "formats/tflite/operators.h"
#include "formats/tflite/runtime_shape.h"
#include "ir/match.h"

namespace bantam {
namespace {

int64_t positive_axis(const Node& n, int rank) {
  return n.attr_int("axis") < 0 ? n.attr_int("axis") + rank : n.attr_int("axis");
}

// Constant indices count from the front: the format knows no negative ones.
int index_tensor(Emitter& e, const Value* v, int64_t length) {
  const auto known = integers_of(v);
  if (!known || length < 0 ||
      std::all_of(known->begin(), known->end(), [](int64_t i) { return i >= 0; }))
    return v->is_constant() ? e.int32_of(v) : e.tensor(v);
  std::vector<int32_t> front;
  for (const int64_t i : *known) front.push_back(static_cast<int32_t>(i < 0 ? i + length : i));
  return e.constant(
      v->name + ".front",
      Tensor(BT_I32, *v->shape, Bytes::copy_of(front.data(), front.size() * sizeof(int32_t))));
}

Result<void> emit_gather(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  const int64_t axis = positive_axis(n, x->rank());
  const int index = index_tensor(e, n.inputs[1], (*x->shape)[static_cast<size_t>(axis)]);
  const int version = x->dtype == BT_BOOL ? 3 : e.version(x, 2, 4);
  e.op(BuiltinOperator::GATHER, version, {e.tensor(x), index}, {e.tensor(y)},
       tfl::CreateGatherOptions(e.flat(), static_cast<int>(axis)));
  return {};
}

Result<void> emit_gather_nd(Emitter& e, const Node& n) {
  if (n.attr_int("batch_dims")) return cannot("batch_dims other than 0");
  e.op(BuiltinOperator::GATHER_ND, 1, e.tensors(n.inputs), {e.tensor(n.output())});
  return {};
}

Result<void> emit_shape(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  const auto rank = static_cast<int64_t>(x->rank());
  if ((*y->shape)[0] != rank) return cannot("a part of a shape");
  e.op(BuiltinOperator::SHAPE, 1, {e.tensor(x)}, {e.tensor(y)},
       tfl::CreateShapeOptions(e.flat(), tfl::TensorType::INT64));
  return {};
}

Result<void> emit_range(Emitter& e, const Node& n) {
  const DType t = n.output()->dtype;
  if (t != BT_F32 && t != BT_I32 && t != BT_I64)
    return cannot(formatted("a range of {}", bt_dtype_name(t)));
  e.op(BuiltinOperator::RANGE, t == BT_I64 ? 2 : 1, e.tensors(n.inputs), {e.tensor(n.output())});
  return {};
}

Result<void> emit_cumsum(Emitter& e, const Node& n) {
  const auto axis = integers_of(n.inputs[1]);
  if (!axis || axis->size() != 1) return cannot("an axis that is computed");
  const int64_t at = (*axis)[0] < 0 ? (*axis)[0] + n.inputs[0]->rank() : (*axis)[0];
  const auto options =
      tfl::CreateCumsumOptions(e.flat(), n.attr_int("exclusive") != 0, n.attr_int("reverse") != 0);
  e.op(BuiltinOperator::CUMSUM, 1, {e.tensor(n.inputs[0]), e.int_scalar(at)},
       {e.tensor(n.output())}, options);
  return {};
}

// Places come as int32.
Result<void> emit_top_k(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *places = n.output(1);
  if (positive_axis(n, x->rank()) + 1 != x->rank()) return cannot("an axis that is not the last");
  if (!n.attr_int("largest") || !n.output(0)) return cannot("the smallest elements");
  const auto k = integers_of(n.inputs[1]);
  if (!k) return cannot("a count that is computed");
  const int narrow =
      e.between(n.output(0)->name + ".places", tfl::TensorType::INT32, *n.output(0)->shape);
  e.op(BuiltinOperator::TOPK_V2, e.version(x), {e.tensor(x), e.int_scalar((*k)[0])},
       {e.tensor(n.output(0)), narrow});
  if (places)
    e.op(BuiltinOperator::CAST, 1, {narrow}, {e.tensor(places)},
         tfl::CreateCastOptions(e.flat(), tfl::TensorType::INT32, tfl::TensorType::INT64));
  return {};
}

Result<void> emit_arg(Emitter& e, const Node& n) {
  const Value* x = n.inputs[0];
  if (n.attr_int("select_last_index")) return cannot("select_last_index");
  if (n.attr_int("keepdims")) return cannot("an axis that is kept");
  const std::vector<int> in = {e.tensor(x), e.int_scalar(positive_axis(n, x->rank()))},
                         out = {e.tensor(n.output())};
  if (n.is("ArgMax"))
    e.op(BuiltinOperator::ARG_MAX, e.version(x), in, out,
         tfl::CreateArgMaxOptions(e.flat(), tfl::TensorType::INT64));
  else
    e.op(BuiltinOperator::ARG_MIN, e.version(x), in, out,
         tfl::CreateArgMinOptions(e.flat(), tfl::TensorType::INT64));
  return {};
}

Result<void> emit_constant_of_shape(Emitter& e, const Node& n) {
  const Value* y = n.output();
  const AttrValue* value = n.attr(0);
  const auto* tensor = value ? std::get_if<std::shared_ptr<const Tensor>>(value) : nullptr;
  const Tensor fill = tensor ? (*tensor)->reshaped({}) : Tensor::scalar_float(0);
  e.op(BuiltinOperator::FILL, y->dtype == BT_BOOL ? 2 : 1,
       {e.int32_of(n.inputs[0]), e.constant("fill", fill)}, {e.tensor(y)});
  return {};
}

constexpr OperatorRow kRows[] = {
    {"Gather", emit_gather},
    {"GatherND", emit_gather_nd},
    {"Shape", emit_shape},
    {"Range", emit_range},
    {"CumSum", emit_cumsum},
    {"TopK", emit_top_k},
    {"ArgMax", emit_arg},
    {"ArgMin", emit_arg},
    {"ConstantOfShape", emit_constant_of_shape},
};

}  // namespace

std::span<const OperatorRow> index_rows() { return kRows; }

}  // namespace bantam
