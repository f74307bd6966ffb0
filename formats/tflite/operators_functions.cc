// SPDX-License-Identifier: Apache-2.0
// Functions of one value. Quantized ones that the format computes otherwise than we do, or not at
// all, are a table: GATHER of its 256 entries by CAST(x) + 128 gives the same integers everywhere.
#include <cmath>
#include <numeric>

#include "base/format.h"
#include "formats/tflite/operators.h"
#include "ir/evaluate.h"
#include "ir/match.h"

namespace bantam {
namespace {

struct Word {
  const char* name;
  BuiltinOperator code;
};
constexpr Word kWords[] = {
    {"Abs", BuiltinOperator::ABS},
    {"Ceil", BuiltinOperator::CEIL},
    {"Cos", BuiltinOperator::COS},
    {"Elu", BuiltinOperator::ELU},
    {"Exp", BuiltinOperator::EXP},
    {"Floor", BuiltinOperator::FLOOR},
    {"HardSwish", BuiltinOperator::HARD_SWISH},
    {"Log", BuiltinOperator::LOG},
    {"Neg", BuiltinOperator::NEG},
    {"Not", BuiltinOperator::LOGICAL_NOT},
    {"Relu", BuiltinOperator::RELU},
    {"Round", BuiltinOperator::ROUND},
    {"Sigmoid", BuiltinOperator::LOGISTIC},
    {"Sign", BuiltinOperator::SIGN},
    {"Sin", BuiltinOperator::SIN},
    {"Sqrt", BuiltinOperator::SQRT},
    {"Tanh", BuiltinOperator::TANH},
};
BuiltinOperator word_of(const Node& n) {
  for (const Word& w : kWords)
    if (n.is(w.name)) return w.code;
  return BuiltinOperator::RELU;
}

// The function's results for all 256 integers, as the executor computes them.
Result<Tensor> table_of(const Node& n) {
  std::vector<int8_t> all(256);
  std::iota(all.begin(), all.end(), static_cast<int8_t>(-128));
  Graph one("", nullptr);
  std::vector<Value*> inputs = {one.add_constant(
      "x", Tensor(BT_I8, {256}, Bytes::copy_of(all.data(), all.size())), n.inputs[0]->quant)};
  for (size_t i = 1; i < n.inputs.size(); ++i) {
    const Value* v = n.inputs[i];
    if (v && !v->is_constant()) return cannot("a function with computed parameters");
    inputs.push_back(v ? one.add_constant(v->name, *v->constant, v->quant) : nullptr);
  }
  TRY(auto results, evaluate_node(*one.adopt_copy(n, inputs), size_t{1} << 20));
  return results.at(0);
}

Result<void> emit_table(Emitter& e, const Node& n) {
  TRY(const Tensor table, table_of(n));
  const Value *x = n.inputs[0], *y = n.output();
  const int wide = e.between(x->name + ".wide", tfl::TensorType::INT32, *x->shape);
  e.op(BuiltinOperator::CAST, 3, {e.tensor(x)}, {wide},
       tfl::CreateCastOptions(e.flat(), tfl::TensorType::INT8, tfl::TensorType::INT32));
  const int index = e.between(x->name + ".index", tfl::TensorType::INT32, *x->shape);
  e.op(BuiltinOperator::ADD, 1, {wide, e.int_scalar(128)}, {index},
       tfl::CreateAddOptions(e.flat()));
  e.op(BuiltinOperator::GATHER, 2, {e.constant(y->name + ".table", table, y->quant.get()), index},
       {e.tensor(y)}, tfl::CreateGatherOptions(e.flat(), 0));
  return {};
}

bool has_quant(const Value* v, float scale, int zero) {
  return v->quant->scale[0] == scale && v->quant->zero_at(0) == zero;
}

// The format's integer operator gives what our table gives.
bool is_native(const Node& n) {
  if (n.is("Sigmoid")) return has_quant(n.output(), 1.0f / 256, -128);
  if (n.is("Tanh")) return has_quant(n.output(), 1.0f / 128, 0);
  return n.is("HardSwish") || (n.is("Relu") && *n.inputs[0]->quant == *n.output()->quant);
}

Result<void> emit_word(Emitter& e, const Node& n) {
  const Value* x = n.inputs[0];
  if (is_q8(x) && !is_native(n)) return emit_table(e, n);
  const bool logical = n.is("Not");
  const bool fits = x->dtype == BT_F32 || is_quantized(x) || (logical && x->dtype == BT_BOOL) ||
                    ((n.is("Abs") || n.is("Neg")) && x->dtype == BT_I32);
  if (!fits)
    return cannot(
        formatted("on {}; the format's operator does not take it", bt_dtype_name(x->dtype)));
  const int version = x->dtype == BT_I32 && n.is("Abs") ? 5 : n.is("HardSwish") ? 1 : e.version(x);
  e.op(word_of(n), version, {e.tensor(x)}, {e.tensor(n.output())});
  return {};
}

// Bounds are numbers of one element, which broadcast.
void emit_computed_clip(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  const bool both = n.input(1) && n.input(2);
  int at = e.tensor(x);
  for (const size_t i : {1, 2}) {
    if (!n.input(i)) continue;
    const int to = i == 1 && both ? e.between(y->name + ".raised", tfl::TensorType::FLOAT32, *y->shape) : e.tensor(y);
    e.op(i == 1 ? BuiltinOperator::MAXIMUM : BuiltinOperator::MINIMUM, 1, {at, e.tensor(n.input(i))}, {to});
    at = to;
  }
}

Result<void> emit_clip(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *y = n.output();
  if (is_q8(x) && !(*x->quant == *y->quant)) return emit_table(e, n);
  const auto bound = [&](size_t i, double otherwise) {
    return n.input(i) ? number_of(n.input(i)) : std::optional<double>(otherwise);
  };
  const auto lo = bound(1, -INFINITY), hi = bound(2, INFINITY);
  if (!lo || !hi) {
    if (x->dtype != BT_F32) return cannot("bounds that are computed");
    emit_computed_clip(e, n);
    return {};
  }
  if (x->dtype != BT_F32 && !is_quantized(x)) return cannot("a clamp of plain integers");
  if (*lo == -INFINITY && *hi == INFINITY) {
    e.reshape(e.tensor(x), e.tensor(y), *y->shape);
    return {};
  }
  e.clamp(e.tensor(x), e.tensor(y), y, static_cast<float>(*lo), static_cast<float>(*hi));
  return {};
}

Result<void> emit_gelu(Emitter& e, const Node& n) {
  const auto options = tfl::CreateGeluOptions(e.flat(), n.attr_word("approximate") == "tanh");
  e.op(BuiltinOperator::GELU, e.version(n.inputs[0]), e.tensors(n.inputs), {e.tensor(n.output())},
       options);
  return {};
}

Result<void> emit_leaky_relu(Emitter& e, const Node& n) {
  e.op(BuiltinOperator::LEAKY_RELU, e.version(n.inputs[0], 1, 2), e.tensors(n.inputs), {e.tensor(n.output())},
       tfl::CreateLeakyReluOptions(e.flat(), n.attr_float("alpha")));
  return {};
}

// The slope has no batch axis: [1,1,C] for images.
Result<void> emit_prelu(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *slope = n.inputs[1];
  if (x->dtype != BT_F32) return cannot("a PRelu of integers");
  int alpha = e.tensor(slope);
  if (slope->is_constant()) {
    Shape shape = *slope->shape;
    while (static_cast<int>(shape.size()) + 1 > x->rank() && shape.size() > 1 && shape[0] == 1)
      shape.erase(shape.begin());
    while (static_cast<int>(shape.size()) + 1 < x->rank()) shape.insert(shape.begin(), 1);
    alpha = e.constant(slope->name + ".slope", slope->constant->reshaped(shape));
  }
  e.op(BuiltinOperator::PRELU, 1, {e.tensor(x), alpha}, {e.tensor(n.output())});
  return {};
}

// For functions that only quantized values can have.
Result<void> emit_only_table(Emitter& e, const Node& n) {
  if (is_q8(n.inputs[0])) return emit_table(e, n);
  return cannot("TensorFlow Lite has no such function of floats");
}

constexpr OperatorRow kRows[] = {
    {"Abs", emit_word},
    {"Ceil", emit_word},
    {"Cos", emit_word},
    {"Elu", emit_word},
    {"Exp", emit_word},
    {"Floor", emit_word},
    {"HardSwish", emit_word},
    {"Log", emit_word},
    {"Neg", emit_word},
    {"Not", emit_word},
    {"Relu", emit_word},
    {"Round", emit_word},
    {"Sigmoid", emit_word},
    {"Sign", emit_word},
    {"Sin", emit_word},
    {"Sqrt", emit_word},
    {"Tanh", emit_word},
    {"Clip", emit_clip},
    {"Gelu", emit_gelu},
    {"LeakyRelu", emit_leaky_relu},
    {"PRelu", emit_prelu},
    {"Swish", emit_only_table},
    {"HardSigmoid", emit_only_table},
    {"Softplus", emit_only_table},
    {"Mish", emit_only_table},
    {"Selu", emit_only_table},
    {"Celu", emit_only_table},
    {"Softsign", emit_only_table},
    {"ThresholdedRelu", emit_only_table},
    {"Reciprocal", emit_only_table},
    {"Erf", emit_only_table},
    {"Sinh", emit_only_table},
    {"Cosh", emit_only_table},
    {"Tan", emit_only_table},
    {"Asin", emit_only_table},
    {"Acos", emit_only_table},
    {"Atan", emit_only_table},
    {"Asinh", emit_only_table},
    {"Acosh", emit_only_table},
    {"Atanh", emit_only_table},
};

}  // namespace

std::span<const OperatorRow> function_rows() { return kRows; }

}  // namespace bantam
