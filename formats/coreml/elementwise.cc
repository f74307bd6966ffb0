// SPDX-License-Identifier: Apache-2.0
// Operators that work element by element.
#include <cmath>

#include "base/format.h"
#include "formats/coreml/emitter.h"

namespace bantam::coreml {
namespace {

Result<void> unary(Emitter& e, const char* operation) {
  e.result(operation, {{"x", {e.in(0)}}});
  return {};
}

Result<void> real_unary(Emitter& e, const char* operation) {
  if (!is_real(e.element_of(e.node().input(0)))) return refuse("it works on floats only");
  return unary(e, operation);
}

Result<void> binary(Emitter& e, const char* operation) {
  e.clamped_result(operation, {{"x", {e.in(0)}}, {"y", {e.in(1)}}});
  return {};
}

Result<void> divide(Emitter& e, const char* operation) {
  if (!is_real(e.real())) return refuse("integers are divided with another rounding");
  return binary(e, operation);
}

Result<void> modulo(Emitter& e, const char* operation) {
  if (e.node().attr_int("fmod")) return refuse("remainders have the sign of the divisor there (fmod=0)");
  return binary(e, operation);
}

// Any number of operands, two by two.
Result<void> chain(Emitter& e, const char* operation) {
  const size_t n = e.node().inputs.size();
  std::string sum = e.in(0);
  if (n == 1) return e.same(sum), Result<void>{};
  Shape dims = e.shape(0);
  for (size_t i = 1; i + 1 < n; ++i) sum = e.temporary(operation, {{"x", {sum}}, {"y", {e.in(i)}}}, {e.real(), dims = broadcast(dims, e.shape(i))});
  e.result(operation, {{"x", {sum}}, {"y", {e.in(n - 1)}}});
  return {};
}

Result<void> with_alpha(Emitter& e, const char* operation) {
  e.result(operation, {{"x", {e.in(0)}}, {"alpha", {e.scalar(e.node().attr_float("alpha"))}}});
  return {};
}

Result<void> negative(Emitter& e, const char*) {
  const std::string minus = is_real(e.real()) ? e.scalar(-1) : e.integer(-1);
  e.result("mul", {{"x", {e.in(0)}}, {"y", {minus}}});
  return {};
}

Result<void> logarithm(Emitter& e, const char*) {
  e.result("log", {{"x", {e.in(0)}}, {"epsilon", {e.scalar(0)}}});
  return {};
}

Result<void> reciprocal(Emitter& e, const char*) {
  e.result("real_div", {{"x", {e.scalar(1)}}, {"y", {e.in(0)}}});
  return {};
}

// Only NaN differs from itself.
Result<void> is_nan(Emitter& e, const char*) {
  e.result("not_equal", {{"x", {e.in(0)}}, {"y", {e.in(0)}}});
  return {};
}

// ---- activations ----

Result<void> gelu(Emitter& e, const char*) {
  const bool exact = e.node().attr_word("approximate") == "none";
  e.result("gelu", {{"x", {e.in(0)}}, {"mode", {e.text(exact ? "EXACT" : "TANH_APPROXIMATION")}}});
  return {};
}

Result<void> hard_sigmoid(Emitter& e, const char*) {
  e.result("sigmoid_hard", {{"x", {e.in(0)}}, {"alpha", {e.scalar(e.node().attr_float("alpha"))}}, {"beta", {e.scalar(e.node().attr_float("beta"))}}});
  return {};
}

// x times a function of x.
Result<void> gated(Emitter& e, const std::string& gate) {
  e.result("mul", {{"x", {e.in(0)}}, {"y", {gate}}});
  return {};
}
Result<void> hard_swish(Emitter& e, const char*) {
  return gated(e, e.temporary("sigmoid_hard", {{"x", {e.in(0)}}, {"alpha", {e.scalar(1.0 / 6)}}, {"beta", {e.scalar(0.5)}}}));
}
Result<void> mish(Emitter& e, const char*) {
  return gated(e, e.temporary("tanh", {{"x", {e.temporary("softplus", {{"x", {e.in(0)}}})}}}));
}
Result<void> swish(Emitter& e, const char*) {
  const float alpha = e.node().attr_float("alpha");
  if (alpha == 1.0f) return unary(e, "silu");
  return gated(e, e.temporary("sigmoid", {{"x", {e.temporary("mul", {{"x", {e.in(0)}}, {"y", {e.scalar(alpha)}}})}}}));
}

// scale * elu(x / width, alpha)
Result<void> scaled_elu(Emitter& e, double scale, double width, double alpha) {
  const std::string x = width == 1 ? e.in(0) : e.temporary("mul", {{"x", {e.in(0)}}, {"y", {e.scalar(1 / width)}}});
  e.result("mul", {{"x", {e.temporary("elu", {{"x", {x}}, {"alpha", {e.scalar(alpha)}}})}}, {"y", {e.scalar(scale)}}});
  return {};
}
Result<void> selu(Emitter& e, const char*) { return scaled_elu(e, e.node().attr_float("gamma"), 1, e.node().attr_float("alpha")); }
Result<void> celu(Emitter& e, const char*) {
  const double alpha = e.node().attr_float("alpha");
  return scaled_elu(e, alpha, alpha, 1);
}

Result<void> prelu(Emitter& e, const char*) {
  const int64_t rank = e.rank();
  if (rank >= 3 && e.is_constant(1)) {
    const Shape& slope = e.shape(1);
    const int64_t channels = e.shape(0)[1], place = static_cast<int64_t>(slope.size()) - (rank - 1);
    if (element_count(slope) == channels && place >= 0 && slope[static_cast<size_t>(place)] == channels) {
      e.result("prelu", {{"x", {e.in(0)}}, {"alpha", {e.in_reshaped(1, {channels})}}});
      return {};
    }
  }
  const std::string above = e.temporary("relu", {{"x", {e.in(0)}}});
  const std::string below = e.temporary("minimum", {{"x", {e.in(0)}}, {"y", {e.scalar(0)}}});
  e.result("add", {{"x", {above}}, {"y", {e.temporary("mul", {{"x", {below}}, {"y", {e.in(1)}}})}}});
  return {};
}

Result<void> clip(Emitter& e, const char*) {
  const auto bound = [&](size_t i, double otherwise) { return e.given(i) ? e.number(i) : std::optional(otherwise); };
  const auto lo = bound(1, -INFINITY), hi = bound(2, INFINITY);
  if (!is_real(e.real())) return refuse("it clips floats only");
  if (!lo || !hi) {  // bounds of one element, which broadcast
    const std::string raised = !e.given(1) ? e.in(0) : e.given(2) ? e.temporary("maximum", {{"x", {e.in(0)}}, {"y", {e.in(1)}}}) : "";
    if (raised.empty()) e.result("maximum", {{"x", {e.in(0)}}, {"y", {e.in(1)}}});
    else e.result("minimum", {{"x", {raised}}, {"y", {e.in(2)}}});
    return {};
  }
  if (std::isinf(*hi) && *lo == 0) return unary(e, "relu");
  if (std::isinf(*hi)) e.result("maximum", {{"x", {e.in(0)}}, {"y", {e.scalar(*lo)}}});
  else if (std::isinf(*lo)) e.result("minimum", {{"x", {e.in(0)}}, {"y", {e.scalar(*hi)}}});
  else e.result("clip", {{"x", {e.in(0)}}, {"alpha", {e.scalar(*lo)}}, {"beta", {e.scalar(*hi)}}});
  return {};
}

// ---- types and choices ----

Result<void> select(Emitter& e, const char*) {
  e.result("select", {{"cond", {e.in(0)}}, {"a", {e.in(1)}}, {"b", {e.in(2)}}});
  return {};
}

Result<void> cast(Emitter& e, const char*) {
  const Element from = e.element_of(e.node().input(0)), to = e.real();
  if (from == to) return e.same(e.in(0)), Result<void>{};
  e.result("cast", {{"x", {e.in(0)}}, {"dtype", {e.text(name_of(to))}}});
  return {};
}

Result<void> alias(Emitter& e, const char*) {
  e.same(e.in(0));
  return {};
}

// Reals go in; that the result is rounded follows from its type.
Result<void> quantize(Emitter& e, const char*) {
  e.round_to_grid(e.in(0));
  return {};
}

}  // namespace

const std::vector<OperatorRow> elementwise_rows = {
    {"Abs", unary, "abs"},           {"Acos", real_unary, "acos"},     {"Add", binary, "add"},
    {"And", binary, "logical_and"},  {"Asin", real_unary, "asin"},     {"Atan", real_unary, "atan"},
    {"Atanh", real_unary, "atanh"},  {"Cast", cast, ""},               {"CastLike", cast, ""},
    {"Ceil", real_unary, "ceil"},    {"Celu", celu, ""},               {"Clip", clip, ""},
    {"Cos", real_unary, "cos"},      {"Cosh", real_unary, "cosh"},     {"Dequantize", alias, ""},
    {"Div", divide, "real_div"},     {"Dropout", alias, ""},           {"Elu", with_alpha, "elu"},
    {"Equal", binary, "equal"},      {"Erf", real_unary, "erf"},       {"Exp", real_unary, "exp"},
    {"Floor", real_unary, "floor"},  {"Gelu", gelu, ""},               {"Greater", binary, "greater"},
    {"GreaterOrEqual", binary, "greater_equal"},                       {"HardSigmoid", hard_sigmoid, ""},
    {"HardSwish", hard_swish, ""},   {"Identity", alias, ""},          {"IsNaN", is_nan, ""},
    {"LeakyRelu", with_alpha, "leaky_relu"},
    {"Less", binary, "less"},        {"LessOrEqual", binary, "less_equal"}, {"Log", logarithm, ""},
    {"Max", chain, "maximum"},       {"Min", chain, "minimum"},        {"Mish", mish, ""},
    {"Mod", modulo, "mod"},          {"Mul", binary, "mul"},           {"Neg", negative, ""},
    {"Not", unary, "logical_not"},   {"Or", binary, "logical_or"},     {"PRelu", prelu, ""},
    {"Pow", divide, "pow"},          {"Quantize", quantize, ""},       {"Reciprocal", reciprocal, ""},
    {"Relu", real_unary, "relu"},    {"Round", real_unary, "round"},   {"Selu", selu, ""},
    {"Sigmoid", real_unary, "sigmoid"}, {"Sign", unary, "sign"},       {"Sin", real_unary, "sin"},
    {"Sinh", real_unary, "sinh"},    {"Softplus", real_unary, "softplus"}, {"Softsign", real_unary, "softsign"},
    {"Sqrt", real_unary, "sqrt"},    {"Sub", binary, "sub"},           {"Sum", chain, "add"},
    {"Swish", swish, ""},            {"Tan", real_unary, "tan"},       {"Tanh", real_unary, "tanh"},
    {"Where", select, ""},           {"Xor", binary, "logical_xor"},
};

}  // namespace bantam::coreml
