// SPDX-License-Identifier: Apache-2.0
// Element by element on two or three operands: arithmetic, comparisons, logic, selection.
#include "base/format.h"
#include "formats/tflite/operators.h"

namespace bantam {
namespace {

// Shapes differ and have more axes than old versions broadcast.
bool broadcasts_many(const Node& n) {
  return n.output()->rank() > 4 && *n.inputs[0]->shape != *n.inputs[1]->shape;
}

Result<void> need(const Node& n, uint32_t types) {
  const DType t = n.inputs[0]->dtype;
  if (bt_is_type(t, types) || is_quantized(n.inputs[0])) return {};
  return cannot(formatted("on {}; the format's operator does not take it", bt_dtype_name(t)));
}

constexpr uint32_t kReals = BT_BIT(BT_F32), kNumbers = kReals | BT_BIT(BT_I32) | BT_BIT(BT_I64);

// MUL knows factors of 1 and above since version 3.
int mul_version(const Node& n) {
  const Value *a = n.inputs[0], *b = n.inputs[1], *y = n.output();
  if (a->dtype == BT_I64) return 5;
  if (is_q16(a)) return 4;
  if (!is_q8(a)) return 1;
  const double factor = static_cast<double>(a->quant->scale[0]) *
                        static_cast<double>(b->quant->scale[0]) /
                        static_cast<double>(y->quant->scale[0]);
  return factor >= 1 ? 3 : 2;
}

Result<void> emit_arithmetic(Emitter& e, const Node& n) {
  TRY(need(n, n.is("Div") ? kReals | BT_BIT(BT_I32) : kNumbers));
  const Value* a = n.inputs[0];
  const int longs = a->dtype == BT_I64 ? 4 : 0;
  const std::vector<int> in = e.tensors(n.inputs);
  const auto target = e.target(n);
  auto& flat = e.flat();
  if (n.is("Add"))
    e.op(BuiltinOperator::ADD, longs ? longs : e.version(a), in, {target.tensor},
         tfl::CreateAddOptions(flat, target.activation, !is_q16(a)));
  else if (n.is("Sub"))
    e.op(BuiltinOperator::SUB,
         longs                              ? longs
         : broadcasts_many(n) && !is_q16(a) ? 3
                                            : e.version(a, 2, 5),
         in, {target.tensor}, tfl::CreateSubOptions(flat, target.activation, !is_q16(a)));
  else if (n.is("Mul"))
    e.op(BuiltinOperator::MUL, mul_version(n), in, {target.tensor},
         tfl::CreateMulOptions(flat, target.activation));
  else
    e.op(BuiltinOperator::DIV, broadcasts_many(n) ? 2 : 1, in, {target.tensor},
         tfl::CreateDivOptions(flat, target.activation));
  e.finish(n, target);
  return {};
}

Result<void> emit_extreme(Emitter& e, const Node& n) {
  TRY(need(n, kNumbers));
  const auto code = n.is("Max") ? BuiltinOperator::MAXIMUM : BuiltinOperator::MINIMUM;
  const Value* y = n.output();
  e.op(code, broadcasts_many(n) && !is_q16(y) ? 3 : e.version(y, 2, 4), e.tensors(n.inputs),
       {e.tensor(y)});
  return {};
}

Result<void> emit_pow(Emitter& e, const Node& n) {
  TRY(need(n, kReals | BT_BIT(BT_I32)));
  if (n.inputs[1]->dtype != n.inputs[0]->dtype)
    return cannot("base and exponent of different types");
  e.op(BuiltinOperator::POW, 1, e.tensors(n.inputs), {e.tensor(n.output())});
  return {};
}

// The sign of the result is the divisor's, as in ONNX for fmod=0.
Result<void> emit_mod(Emitter& e, const Node& n) {
  TRY(need(n, kNumbers));
  if (n.attr_int("fmod"))
    return cannot("fmod=1; the format's remainder has the sign of the divisor");
  e.op(BuiltinOperator::FLOOR_MOD, 1, e.tensors(n.inputs), {e.tensor(n.output())});
  return {};
}

BuiltinOperator comparison(const Node& n) {
  if (n.is("Equal")) return BuiltinOperator::EQUAL;
  if (n.is("Greater")) return BuiltinOperator::GREATER;
  if (n.is("GreaterOrEqual")) return BuiltinOperator::GREATER_EQUAL;
  return n.is("Less") ? BuiltinOperator::LESS : BuiltinOperator::LESS_EQUAL;
}

Result<void> emit_comparison(Emitter& e, const Node& n) {
  TRY(need(n, kNumbers | (n.is("Equal") ? BT_BIT(BT_BOOL) : 0u)));
  e.op(comparison(n), 1, e.tensors(n.inputs), {e.tensor(n.output())});
  return {};
}

Result<void> emit_logic(Emitter& e, const Node& n) {
  const auto code = n.is("And")  ? BuiltinOperator::LOGICAL_AND
                    : n.is("Or") ? BuiltinOperator::LOGICAL_OR
                                 : BuiltinOperator::NOT_EQUAL;
  e.op(code, 1, e.tensors(n.inputs), {e.tensor(n.output())});
  return {};
}

// Only NaN differs from itself.
Result<void> emit_is_nan(Emitter& e, const Node& n) {
  TRY(need(n, BT_BIT(BT_F32)));
  const int x = e.tensor(n.input(0));
  e.op(BuiltinOperator::NOT_EQUAL, 1, {x, x}, {e.tensor(n.output())});
  return {};
}

Result<void> emit_where(Emitter& e, const Node& n) {
  e.op(BuiltinOperator::SELECT_V2, 1, e.tensors(n.inputs), {e.tensor(n.output())});
  return {};
}

constexpr OperatorRow kRows[] = {
    {"Add", emit_arithmetic},
    {"Sub", emit_arithmetic},
    {"Mul", emit_arithmetic},
    {"Div", emit_arithmetic},
    {"Max", emit_extreme},
    {"Min", emit_extreme},
    {"Pow", emit_pow},
    {"Mod", emit_mod},
    {"Equal", emit_comparison},
    {"Greater", emit_comparison},
    {"Less", emit_comparison},
    {"GreaterOrEqual", emit_comparison},
    {"LessOrEqual", emit_comparison},
    {"IsNaN", emit_is_nan},
    {"And", emit_logic},
    {"Or", emit_logic},
    {"Xor", emit_logic},
    {"Where", emit_where},
};

}  // namespace

std::span<const OperatorRow> arithmetic_rows() { return kRows; }

}  // namespace bantam
