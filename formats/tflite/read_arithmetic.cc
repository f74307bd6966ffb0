// SPDX-License-Identifier: Apache-2.0
// Element by element on two or three operands, and reductions.
#include "base/format.h"
#include "formats/tflite/read_operators.h"

namespace bantam {
namespace {

using Code8 = tfl::BuiltinOperator;

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

template <typename T>
Result<void> clamped(OperatorReader& r, const char* op) {
  TRY(r.need(2, 2));
  TRY(const T* o, r.options<T>());
  TRY(const auto in, r.inputs());
  return r.become(op, in, {}, o->fused_activation_function());
}
Result<void> read_add(OperatorReader& r) { return clamped<tfl::AddOptions>(r, "Add"); }
Result<void> read_sub(OperatorReader& r) { return clamped<tfl::SubOptions>(r, "Sub"); }
Result<void> read_mul(OperatorReader& r) { return clamped<tfl::MulOptions>(r, "Mul"); }
Result<void> read_div(OperatorReader& r) { return clamped<tfl::DivOptions>(r, "Div"); }

Result<void> read_add_n(OperatorReader& r) {
  TRY(r.need(1, 255));
  TRY(const auto in, r.inputs());
  return r.become("Sum", in);
}

struct Word {
  Code8 code;
  const char* op;
};
constexpr Word kWords[] = {
    {Code8::MAXIMUM, "Max"},
    {Code8::MINIMUM, "Min"},
    {Code8::POW, "Pow"},
    {Code8::FLOOR_MOD, "Mod"},
    {Code8::EQUAL, "Equal"},
    {Code8::GREATER, "Greater"},
    {Code8::LESS, "Less"},
    {Code8::GREATER_EQUAL, "GreaterOrEqual"},
    {Code8::LESS_EQUAL, "LessOrEqual"},
    {Code8::LOGICAL_AND, "And"},
    {Code8::LOGICAL_OR, "Or"},
};

Result<void> read_word(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto in, r.inputs());
  for (const Word& w : kWords)
    if (w.code == r.code()) return r.become(w.op, in);
  return not_read("a function of two values");
}

// The remainder has the sign of the divisor, of floats too.
Result<void> read_mod(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto in, r.inputs());
  if (in[0]->dtype != BT_F32) return r.become("Mod", in);
  Value* whole = r.part("Floor", {r.part("Div", in)});
  return r.become("Sub", {in[0], r.part("Mul", {whole, in[1]})});
}

Result<void> read_not_equal(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto in, r.inputs());
  if (in[0]->dtype == BT_BOOL) return r.become("Xor", in);
  return r.become("Not", {r.part("Equal", in)});
}

Result<void> read_floor_div(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto in, r.inputs());
  if (in[0]->dtype == BT_F32) return r.become("Floor", {r.part("Div", in)});
  return r.become("Div", {r.part("Sub", {in[0], r.part("Mod", in)}), in[1]});
}

Result<void> read_squared_difference(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto in, r.inputs());
  Value* difference = r.part("Sub", in);
  return r.become("Mul", {difference, difference});
}

// Of SELECT the condition has the shape of the others, or one element for each row.
Result<void> read_select(OperatorReader& r) {
  TRY(r.need(3, 3));
  TRY(auto in, r.inputs());
  if (r.code() == Code8::SELECT && in[0]->rank() == 1 && in[1]->rank() > 1) {
    Shape rows(static_cast<size_t>(in[1]->rank()), 1);
    rows[0] = -1;
    in[0] = r.part("Reshape", {in[0], r.list(rows)});
  }
  return r.become("Where", in);
}

// ---- reductions ----

constexpr Word kReductions[] = {
    {Code8::MEAN, "ReduceMean"},        {Code8::SUM, "ReduceSum"},
    {Code8::REDUCE_PROD, "ReduceProd"}, {Code8::REDUCE_MAX, "ReduceMax"},
    {Code8::REDUCE_MIN, "ReduceMin"},
};

Result<void> read_reduce(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto* o, r.options<tfl::ReducerOptions>());
  TRY(Value* x, r.input(0));
  TRY(const auto axes, r.ints(1));
  const AttrList attrs = {{"keepdims", int64_t{o->keep_dims()}},
                          {"noop_with_empty_axes", int64_t{1}}};
  for (const Word& w : kReductions)
    if (w.code == r.code()) return r.become(w.op, {x, r.list(axes)}, attrs);
  return not_read("a reduction");
}

Result<void> read_arg(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(Value* x, r.input(0));
  TRY(const int64_t axis, r.int_at(1));
  TRY(const TensorForm form, r.output_form());
  const bool most = r.code() == Code8::ARG_MAX;
  Value* place =
      r.part(most ? "ArgMax" : "ArgMin", {x}, {{"axis", axis}, {"keepdims", int64_t{0}}});
  if (form.dtype == BT_I64) return r.become_value(place);
  if (form.dtype != BT_I32) return bad("its result is neither i32 nor i64");
  return r.become("Cast", {place}, {{"to", int64_t{BT_I32}}});
}

constexpr ReadRow kRows[] = {
    {Code8::ADD, read_add},
    {Code8::SUB, read_sub},
    {Code8::MUL, read_mul},
    {Code8::DIV, read_div},
    {Code8::ADD_N, read_add_n},
    {Code8::MAXIMUM, read_word},
    {Code8::MINIMUM, read_word},
    {Code8::POW, read_word},
    {Code8::FLOOR_MOD, read_mod},
    {Code8::FLOOR_DIV, read_floor_div},
    {Code8::SQUARED_DIFFERENCE, read_squared_difference},
    {Code8::EQUAL, read_word},
    {Code8::NOT_EQUAL, read_not_equal},
    {Code8::GREATER, read_word},
    {Code8::LESS, read_word},
    {Code8::GREATER_EQUAL, read_word},
    {Code8::LESS_EQUAL, read_word},
    {Code8::LOGICAL_AND, read_word},
    {Code8::LOGICAL_OR, read_word},
    {Code8::SELECT, read_select},
    {Code8::SELECT_V2, read_select},
    {Code8::MEAN, read_reduce},
    {Code8::SUM, read_reduce},
    {Code8::REDUCE_PROD, read_reduce},
    {Code8::REDUCE_MAX, read_reduce},
    {Code8::REDUCE_MIN, read_reduce},
    {Code8::ARG_MAX, read_arg},
    {Code8::ARG_MIN, read_arg},
};

}  // namespace

std::span<const ReadRow> read_arithmetic_rows() { return kRows; }

}  // namespace bantam
