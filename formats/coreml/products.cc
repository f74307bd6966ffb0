// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products.
#include <numeric>

#include "base/format.h"
#include "formats/coreml/emitter.h"
#include "formats/coreml/window.h"

namespace bantam::coreml {
namespace {

void add_bias(Emitter& e, Inputs& inputs, int64_t channels) {
  if (e.given(2)) inputs.push_back({"bias", {e.in_reshaped(2, {channels})}});
}

Result<void> convolution(Emitter& e, const char*) {
  if (e.node().attr_word("layout") == "last") return refuse("its picture has the channels last");
  if (e.given(2) && !e.is_constant(2)) return refuse("its bias is computed");
  const Window w(e.node(), e.shape(0), {e.shape(1).begin() + 2, e.shape(1).end()}, e.result_shape());
  if (!e.is_constant(1)) e.need(17);
  Inputs inputs = {{"x", {e.in(0)}}, {"weight", {e.in(1)}}};
  add_bias(e, inputs, e.shape(1)[0]);
  inputs.push_back({"strides", {e.list(w.strides)}});
  w.add_padding(e, inputs);
  inputs.push_back({"dilations", {e.list(w.dilations)}});
  inputs.push_back({"groups", {e.integer(e.node().attr_int("group"))}});
  e.clamped_result("conv", inputs);
  return {};
}

// What is cut off both ends of the full result; pads of the attribute, or those that give the wanted shape.
Result<std::vector<int64_t>> cut_of(const Emitter& e, const std::vector<int64_t>& strides, const std::vector<int64_t>& dilations) {
  const Node& n = e.node();
  const size_t axes = strides.size();
  std::vector<int64_t> pads = n.attr_ints("pads"), cut;
  pads.resize(2 * axes);
  const bool given = n.attr_ints("output_shape").empty() && n.attr_word("auto_pad") == "NOTSET";
  for (size_t i = 0; i < axes; ++i) {
    const int64_t full = (e.shape(0)[i + 2] - 1) * strides[i] + (e.shape(1)[i + 2] - 1) * dilations[i] + 1;
    const int64_t total = full - e.result_shape()[i + 2];
    const int64_t small = total / 2;
    const int64_t begin = given ? pads[i] : n.attr_word("auto_pad") == "SAME_UPPER" ? small : total - small;
    if (begin < 0 || total - begin < 0) return refuse("it would add rows that no tap reaches (output_padding)");
    cut.insert(cut.end(), {begin, total - begin});
  }
  return cut;
}

Result<void> deconvolution(Emitter& e, const char*) {
  const Node& n = e.node();
  if (n.attr_word("layout") == "last") return refuse("its picture has the channels last");
  if (!e.is_constant(1) || (e.given(2) && !e.is_constant(2))) return refuse("its weight or bias is computed");
  const size_t axes = e.shape(0).size() - 2;
  std::vector<int64_t> strides = n.attr_ints("strides"), dilations = n.attr_ints("dilations");
  strides.resize(axes, 1);
  dilations.resize(axes, 1);
  TRY(const auto cut, cut_of(e, strides, dilations));
  const int64_t groups = n.attr_int("group");
  Inputs inputs = {{"x", {e.in(0)}}, {"weight", {e.in(1)}}};
  add_bias(e, inputs, e.shape(1)[1] * groups);
  inputs.push_back({"strides", {e.list(strides)}});
  inputs.push_back({"pad_type", {e.text("custom")}});
  inputs.push_back({"pad", {e.list(cut)}});
  inputs.push_back({"output_shape", {e.list(e.result_shape())}});
  inputs.push_back({"dilations", {e.list(dilations)}});
  inputs.push_back({"groups", {e.integer(groups)}});
  e.clamped_result("conv_transpose", inputs);
  return {};
}

// x times a constant matrix; `weight` is [outputs, inputs].
void linear(Emitter& e, const std::string& weight, int64_t outputs) {
  Inputs inputs = {{"x", {e.in(0)}}, {"weight", {weight}}};
  add_bias(e, inputs, outputs);
  e.clamped_result("linear", inputs);
}

bool has_vector_bias(const Emitter& e, int64_t outputs) {
  return !e.given(2) || (e.is_constant(2) && element_count(e.shape(2)) == outputs && e.shape(2).back() == outputs);
}

Result<void> matrix_product(Emitter& e, const char*) {
  const Shape &a = e.shape(0), &b = e.shape(1);
  if (a.size() < 2 || b.size() < 2) return refuse("an operand is a vector");
  if (e.given(2) && !e.is_constant(2)) return refuse("its bias is computed");
  if (b.size() == 2 && a.size() <= 3 && e.is_constant(1) && !e.is_constant(0)) {
    linear(e, e.in_permuted(1, {1, 0}), b[1]);
    return {};
  }
  const Inputs inputs = {{"x", {e.in(0)}}, {"y", {e.in(1)}}, {"transpose_x", {e.flag(false)}}, {"transpose_y", {e.flag(false)}}};
  if (!e.given(2)) {
    e.clamped_result("matmul", inputs);
    return {};
  }
  const std::string product = e.temporary("matmul", inputs);
  e.clamped_result("add", {{"x", {product}}, {"y", {e.in(2)}}});
  return {};
}

Result<void> gemm(Emitter& e, const char*) {
  const Node& n = e.node();
  const bool transpose_b = n.attr_int("transB") != 0, transpose_a = n.attr_int("transA") != 0;
  const float alpha = n.attr_float("alpha"), beta = n.attr_float("beta");
  const int64_t outputs = e.result_shape()[1];
  if (e.is_constant(1) && !e.is_constant(0) && !transpose_a && alpha == 1.0f && beta == 1.0f && has_vector_bias(e, outputs)) {
    linear(e, transpose_b ? e.in(1) : e.in_permuted(1, {1, 0}), outputs);
    return {};
  }
  const auto times = [&](const std::string& x, float factor, Type type) {
    return factor == 1.0f ? x : e.temporary("mul", {{"x", {x}}, {"y", {e.scalar(factor)}}}, std::move(type));
  };
  const Type type = e.type(n.output());
  std::string sum = times(e.temporary("matmul", {{"x", {e.in(0)}}, {"y", {e.in(1)}}, {"transpose_x", {e.flag(transpose_a)}}, {"transpose_y", {e.flag(transpose_b)}}}), alpha, type);
  const std::string addend = e.given(2) ? times(e.in(2), beta, e.type(n.input(2))) : e.scalar(0);
  e.clamped_result("add", {{"x", {sum}}, {"y", {addend}}});
  return {};
}

}  // namespace

const std::vector<OperatorRow> product_rows = {
    {"Conv", convolution, ""}, {"ConvTranspose", deconvolution, ""}, {"Gemm", gemm, ""}, {"MatMul", matrix_product, ""}};

}  // namespace bantam::coreml
