// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products. Weights come as OHWI (depthwise: 1HWO) and as [outputs,
// inputs].
#include <algorithm>

#include "base/format.h"
#include "formats/tflite/read_operators.h"
#include "ir/match.h"
#include "ir/permute.h"

namespace bantam {
namespace {

Error bad(std::string message) { return {Code::bad_input, std::move(message)}; }

constexpr const char* kHybrid =
    "products of floats by 8-bit weights are computed in float; LiteRT rounds their inputs to 8 "
    "bits in each run";

// Of floats, LiteRT itself rounds the activations. (Floats that stand for integers of 16 bits have been rounded.)
void note_hybrid(OperatorReader& r, const Value* x, const Value* w) {
  if (made_by(x, "DequantizeLinear")) return;
  if (x->dtype == BT_F32 && w->dtype == BT_I8 && w->quant) r.file().note(kHybrid);
}

// A weight with its axes in another order; a constant is moved at once.
Result<Value*> turned(OperatorReader& r, Value* w, const Perm& perm) {
  if (!w->is_constant()) return r.part("Transpose", {w}, {{"perm", perm}});
  TRY(r.file().spend(w->constant->bytes().size()));
  return r.file().constant(w->name, permuted(*w->constant, perm), permuted(w->quant, perm));
}

Result<void> need_rank(const Value* v, int rank, const char* what) {
  if (v->rank() == rank) return {};
  return bad(formatted("its {} has {} axes; {} expected", what, v->rank(), rank));
}

Result<void> need_positive(std::initializer_list<int64_t> numbers) {
  for (const int64_t n : numbers)
    if (n < 1) return bad(formatted("a stride, dilation or window is {}; 1 is the least", n));
  return {};
}

AttrList image_attrs(tfl::Padding padding, int64_t stride_h, int64_t stride_w) {
  return {{"layout", std::string("last")},
          {"auto_pad", std::string(padding == tfl::Padding::SAME ? "SAME_UPPER" : "VALID")},
          {"strides", std::vector<int64_t>{stride_h, stride_w}}};
}

std::vector<Value*> with_bias(Value* x, Value* w, Value* bias) {
  return bias ? std::vector<Value*>{x, w, bias} : std::vector<Value*>{x, w};
}

struct ConvOperands {
  Value *x, *w, *bias;
};

// What both kinds of convolution have.
template <typename Options>
Result<ConvOperands> conv_operands(OperatorReader& r, const Options& o) {
  TRY(Value* x, r.input(0));
  TRY(Value* w, r.input(1));
  TRY(Value* bias, r.optional(2));
  TRY(need_rank(x, 4, "image"));
  TRY(need_rank(w, 4, "weight"));
  TRY(need_positive({o.stride_h(), o.stride_w(), o.dilation_h_factor(), o.dilation_w_factor()}));
  note_hybrid(r, x, w);
  return ConvOperands{x, w, bias};
}

template <typename Options>
Result<void> become_conv(OperatorReader& r, const Options& o, const ConvOperands& in, int64_t group) {
  AttrList attrs = image_attrs(o.padding(), o.stride_h(), o.stride_w());
  const int64_t h = o.dilation_h_factor(), w = o.dilation_w_factor();
  if (h != 1 || w != 1) attrs.emplace_back("dilations", std::vector<int64_t>{h, w});
  attrs.emplace_back("group", group);
  return r.become("Conv", with_bias(in.x, in.w, in.bias), attrs, o.fused_activation_function());
}

Result<void> read_conv(OperatorReader& r) {
  TRY(r.need(2, 3));
  TRY(const auto* o, r.options<tfl::Conv2DOptions>());
  TRY(const ConvOperands in, conv_operands(r, *o));
  const int64_t channels = in.x->shape->back(), taken = in.w->shape->back();
  if (taken < 1 || channels < 1 || channels % taken)
    return bad(formatted("its weight takes {} channels of an image of {}", taken, channels));
  return become_conv(r, *o, in, channels / taken);
}

Result<void> read_depthwise(OperatorReader& r) {
  TRY(r.need(2, 3));
  TRY(const auto* o, r.options<tfl::DepthwiseConv2DOptions>());
  TRY(ConvOperands in, conv_operands(r, *o));
  const int64_t channels = in.x->shape->back(), outputs = in.w->shape->back();
  if (channels < 1 || outputs < 1 || outputs % channels || in.w->shape->front() != 1)
    return bad(formatted("its weight is {} for an image of {} channels",
                         shape_text(*in.w->shape), channels));
  TRY(in.w, turned(r, in.w, {3, 1, 2, 0}));
  return become_conv(r, *o, in, channels);
}

// The padding follows from the lengths of the result, as LiteRT computes it.
Result<void> read_conv_transpose(OperatorReader& r) {
  TRY(r.need(3, 4));
  TRY(const auto* o, r.options<tfl::TransposeConvOptions>());
  TRY(Value* w, r.input(1));
  TRY(Value* x, r.input(2));
  TRY(Value* bias, r.optional(3));
  TRY(need_rank(x, 4, "image"));
  TRY(need_rank(w, 4, "weight"));
  TRY(need_positive({o->stride_h(), o->stride_w()}));
  note_hybrid(r, x, w);
  TRY(Shape out, r.output_shape());
  if (out.size() != 4) return bad("its result is no image");
  std::vector<int64_t> begin(2), end(2), more(2);
  for (size_t d = 0; d < 2; ++d) {
    const int64_t in = (*x->shape)[d + 1], kernel = (*w->shape)[d + 1],
                  stride = d == 0 ? o->stride_h() : o->stride_w();
    if (in < 0 || out[d + 1] < 0)
      return not_read("the lengths of its image are open; fix them with --shape");
    if (in > INT32_MAX || in < 1 || kernel < 1) return bad("its image or its weight is empty");
    const int64_t over = (in - 1) * stride + kernel - out[d + 1];
    begin[d] = o->padding() == tfl::Padding::SAME ? std::max<int64_t>(over, 0) / 2 : 0;
    end[d] = std::max<int64_t>(over - begin[d], 0);
    more[d] = std::max<int64_t>(-over, 0);
  }
  AttrList attrs = {{"layout", std::string("last")},
                    {"strides", std::vector<int64_t>{o->stride_h(), o->stride_w()}},
                    {"pads", std::vector<int64_t>{begin[0], begin[1], end[0], end[1]}}};
  if (more[0] || more[1]) attrs.emplace_back("output_padding", more);
  return r.become("ConvTranspose", with_bias(x, w, bias), attrs, o->fused_activation_function());
}

// Rows of any number of axes: a matrix product; without keep_num_dims they are one matrix.
Result<void> read_fully_connected(OperatorReader& r) {
  TRY(r.need(2, 3));
  TRY(const auto* o, r.options<tfl::FullyConnectedOptions>());
  if (o->weights_format()) return not_read("its weights are shuffled");
  TRY(Value* x, r.input(0));
  TRY(Value* w, r.input(1));
  TRY(Value* bias, r.optional(2));
  TRY(need_rank(w, 2, "weight"));
  note_hybrid(r, x, w);
  const auto clamp = o->fused_activation_function();
  if (x->rank() > 2 && o->keep_num_dims()) {
    TRY(Value* turned_w, turned(r, w, {1, 0}));
    return r.become("MatMul", with_bias(x, turned_w, bias), {}, clamp);
  }
  if (x->rank() != 2) x = r.part("Reshape", {x, r.list({-1, w->shape->back()})});
  return r.become("Gemm", with_bias(x, w, bias), {{"transB", int64_t{1}}}, clamp);
}

Result<void> read_batch_mat_mul(OperatorReader& r) {
  TRY(r.need(2, 2));
  TRY(const auto* o, r.options<tfl::BatchMatMulOptions>());
  const bool adjoint[] = {o->adj_x(), o->adj_y()};
  std::vector<Value*> operands;
  for (size_t i = 0; i < 2; ++i) {
    TRY(Value* v, r.input(i));
    if (v->rank() < 2) return bad("one of its operands is no matrix");
    Perm perm(static_cast<size_t>(v->rank()));
    for (size_t d = 0; d < perm.size(); ++d) perm[d] = static_cast<int64_t>(d);
    std::swap(perm[perm.size() - 2], perm[perm.size() - 1]);
    if (!adjoint[i])
      operands.push_back(v);
    else
      operands.push_back(r.part("Transpose", {v}, {{"perm", perm}}));
  }
  note_hybrid(r, operands[0], operands[1]);
  return r.become("MatMul", operands);
}

Result<void> read_pool(OperatorReader& r) {
  TRY(r.need(1, 1));
  TRY(const auto* o, r.options<tfl::Pool2DOptions>());
  TRY(Value* x, r.input(0));
  TRY(need_rank(x, 4, "image"));
  TRY(need_positive({o->stride_h(), o->stride_w(), o->filter_height(), o->filter_width()}));
  AttrList attrs = image_attrs(o->padding(), o->stride_h(), o->stride_w());
  attrs.emplace_back("kernel_shape", std::vector<int64_t>{o->filter_height(), o->filter_width()});
  const bool mean = r.code() == tfl::BuiltinOperator::AVERAGE_POOL_2D;
  return r.become(mean ? "AveragePool" : "MaxPool", {x}, attrs, o->fused_activation_function());
}

constexpr ReadRow kRows[] = {
    {tfl::BuiltinOperator::CONV_2D, read_conv},
    {tfl::BuiltinOperator::DEPTHWISE_CONV_2D, read_depthwise},
    {tfl::BuiltinOperator::TRANSPOSE_CONV, read_conv_transpose},
    {tfl::BuiltinOperator::FULLY_CONNECTED, read_fully_connected},
    {tfl::BuiltinOperator::BATCH_MATMUL, read_batch_mat_mul},
    {tfl::BuiltinOperator::AVERAGE_POOL_2D, read_pool},
    {tfl::BuiltinOperator::MAX_POOL_2D, read_pool},
};

}  // namespace

std::span<const ReadRow> read_product_rows() { return kRows; }

}  // namespace bantam
