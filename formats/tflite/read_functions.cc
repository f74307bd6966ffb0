// SPDX-License-Identifier: Apache-2.0
// Functions of one value, Softmax and its relatives.
#include <cmath>

#include "base/format.h"
#include "formats/tflite/read_operators.h"

namespace bantam {
namespace {

using Code8 = tfl::BuiltinOperator;

struct Word {
  Code8 code;
  const char* op;
};
constexpr Word kWords[] = {
    {Code8::ABS, "Abs"},         {Code8::CEIL, "Ceil"},
    {Code8::COS, "Cos"},         {Code8::ELU, "Elu"},
    {Code8::EXP, "Exp"},         {Code8::FLOOR, "Floor"},
    {Code8::LOG, "Log"},         {Code8::HARD_SWISH, "HardSwish"},
    {Code8::NEG, "Neg"},         {Code8::RELU, "Relu"},
    {Code8::LOGICAL_NOT, "Not"}, {Code8::ROUND, "Round"},
    {Code8::SIGN, "Sign"},       {Code8::LOGISTIC, "Sigmoid"},
    {Code8::SIN, "Sin"},         {Code8::SQRT, "Sqrt"},
    {Code8::TANH, "Tanh"},
};

Result<void> read_word(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(const auto in, r.inputs());
  for (const Word& w : kWords)
    if (w.code == r.code()) return r.become(w.op, in);
  return not_read("a function of one value");
}

Result<void> read_clamp(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  const float lo = r.code() == Code8::RELU_N1_TO_1 ? -1.0f : 0.0f;
  const float hi = r.code() == Code8::RELU6 ? 6.0f : 1.0f;
  return r.become("Clip", {x, r.number(lo), r.number(hi)});
}

Result<void> read_rsqrt(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  return r.become("Reciprocal", {r.part("Sqrt", {x})});
}

Result<void> read_square(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  return r.become("Mul", {x, x});
}

Result<void> read_gelu(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  const auto o = r.options<tfl::GeluOptions>();
  const bool tanh = o.ok() && (*o)->approximate();
  return r.become("Gelu", {x}, {{"approximate", std::string(tanh ? "tanh" : "none")}});
}

Result<void> read_leaky_relu(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(const auto* o, r.options<tfl::LeakyReluOptions>());
  TRY(Value* x, r.input(0));
  return r.become("LeakyRelu", {x}, {{"alpha", o->alpha()}});
}

Result<void> read_prelu(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto in, r.inputs());
  return r.become("PRelu", in);
}

Result<void> read_softmax(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  if (r.code() == Code8::LOG_SOFTMAX) return r.become("LogSoftmax", {x}, {{"axis", int64_t{-1}}});
  TRY(const auto* o, r.options<tfl::SoftmaxOptions>());
  if (!std::isfinite(o->beta())) return Error{Code::bad_input, "its beta is not finite"};
  if (o->beta() != 1.0f) x = r.part("Mul", {x, r.number(o->beta())});
  return r.become("Softmax", {x}, {{"axis", int64_t{-1}}});
}

Result<void> read_l2_norm(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(Value* x, r.input(0));
  return r.become("LpNormalization", {x}, {{"axis", int64_t{-1}}, {"p", int64_t{2}}});
}

constexpr ReadRow kRows[] = {
    {Code8::ABS, read_word},
    {Code8::CEIL, read_word},
    {Code8::COS, read_word},
    {Code8::ELU, read_word},
    {Code8::EXP, read_word},
    {Code8::FLOOR, read_word},
    {Code8::LOG, read_word},
    {Code8::HARD_SWISH, read_word},
    {Code8::NEG, read_word},
    {Code8::RELU, read_word},
    {Code8::LOGICAL_NOT, read_word},
    {Code8::ROUND, read_word},
    {Code8::SIGN, read_word},
    {Code8::LOGISTIC, read_word},
    {Code8::SIN, read_word},
    {Code8::SQRT, read_word},
    {Code8::TANH, read_word},
    {Code8::RELU6, read_clamp},
    {Code8::RELU_N1_TO_1, read_clamp},
    {Code8::RELU_0_TO_1, read_clamp},
    {Code8::RSQRT, read_rsqrt},
    {Code8::SQUARE, read_square},
    {Code8::GELU, read_gelu},
    {Code8::LEAKY_RELU, read_leaky_relu},
    {Code8::PRELU, read_prelu},
    {Code8::SOFTMAX, read_softmax},
    {Code8::LOG_SOFTMAX, read_softmax},
    {Code8::L2_NORMALIZATION, read_l2_norm},
};

}  // namespace

std::span<const ReadRow> read_function_rows() { return kRows; }

}  // namespace bantam
