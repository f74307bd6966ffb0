// SPDX-License-Identifier: Apache-2.0
// Convolutions and matrix products. Weights are OHWI (depthwise: 1HWO), matrices [outputs, inputs];
// a bias is always given: files with one are read by older versions of the operators.
#include "base/format.h"
#include "formats/tflite/operators.h"
#include "formats/tflite/runtime_shape.h"
#include "formats/tflite/window.h"

namespace bantam {
namespace {

Result<void> check_image(const Node& n) {
  if (n.inputs[0]->rank() != 4)
    return cannot(formatted("images of {} axes; 4 are possible (3 in convolutions and pools)",
                            n.inputs[0]->rank()));
  if (n.attr_word("layout") != "last")
    return cannot("the image is not channels-last; run to-channels-last first");
  const std::string how = n.attr_word("auto_pad");
  if (how != "VALID" && how != "SAME_UPPER")
    return cannot("its padding depends on lengths that are not known; fix them with --shape");
  return {};
}

struct Pair {
  int h = 1, w = 1;
};
Pair pair_of(const Node& n, const char* key) {
  const auto list = n.attr_ints(key);
  return list.size() == 2 ? Pair{static_cast<int>(list[0]), static_cast<int>(list[1])} : Pair{};
}
tfl::Padding padding_of(const Node& n) {
  return is_same_padded(n) ? tfl::Padding::SAME : tfl::Padding::VALID;
}

// The bias of a product with so many outputs; zeros where there is none.
int bias(Emitter& e, const Node& n, int64_t outputs) {
  const Value *x = n.inputs[0], *w = n.inputs[1], *b = n.input(2);
  if (b && b->is_constant() && (b->dtype == BT_F32 || b->quant))
    return e.constant(b->name, b->constant->reshaped({outputs}),
                      b->dtype == BT_F32 ? nullptr : b->quant.get());
  if (b && !b->is_constant()) return e.tensor(b);
  if (!is_quantized(x)) return e.constant("zeros", Tensor::zeros(BT_F32, {outputs}));
  Quant q = *w->quant;
  q.storage = is_q16(x) ? BT_I64 : BT_I32;
  q.axis = q.axis < 0 ? -1 : 0;
  for (float& scale : q.scale) scale = x->quant->scale[0] * scale;
  return b ? e.constant(b->name, b->constant->reshaped({outputs}), &q)
           : e.constant("zeros", Tensor::zeros(q.storage, {outputs}), &q);
}

// Convolutions by weights of 4 bits are none: LiteRT up to 2.18 takes them and computes nonsense.
bool is_dynamic(const Emitter& e, const Node& n) {
  return e.is_dynamic(n.inputs[0], n.inputs[1]) && !e.is_int4(n.inputs[1]);
}

Result<void> emit_depthwise(Emitter& e, const Node& n) {
  const Value *x = n.inputs[0], *w = n.inputs[1];
  const Shape& s = *w->shape;  // [O,h,w,1]
  const auto stride = pair_of(n, "strides"), dilation = pair_of(n, "dilations");
  const bool dynamic = is_dynamic(e, n) && dilation.h == 1 && dilation.w == 1;
  const int weight = e.weight(w, {3, 1, 2, 0}, {1, s[1], s[2], s[0]}, 3, dynamic);
  const int zeros = bias(e, n, s[0]);
  const auto target = e.target(n);
  const int multiplier = static_cast<int>(s[0] / x->shape->back());
  const auto options =
      tfl::CreateDepthwiseConv2DOptions(e.flat(), padding_of(n), stride.w, stride.h, multiplier,
                                        target.activation, dilation.w, dilation.h);
  e.op(BuiltinOperator::DEPTHWISE_CONV_2D,
       dynamic                            ? 6
       : is_quantized(x)                  ? e.version(x, 3, 5)
       : dilation.h > 1 || dilation.w > 1 ? 2
                                          : 1,
       {e.tensor(x), weight, zeros}, {target.tensor}, options);
  e.finish(n, target);
  return {};
}

Result<void> emit_conv(Emitter& e, const Node& n) {
  TRY(check_image(n));
  const Value *x = n.inputs[0], *w = n.inputs[1];
  const int64_t group = n.attr_int("group"), channels = x->shape->back();
  if (channels < 0) return cannot("the number of channels is not known; fix it with --shape");
  const Shape& s = *w->shape;
  if (group > 1 && group == channels && w->is_constant()) return emit_depthwise(e, n);
  const auto stride = pair_of(n, "strides"), dilation = pair_of(n, "dilations");
  const bool dynamic = is_dynamic(e, n) && group == 1;
  const int weight = w->is_constant() ? e.weight(w, {0, 1, 2, 3}, s, 0, dynamic) : e.tensor(w);
  const int add = bias(e, n, s[0]);
  const auto target = e.target(n);
  const auto options = tfl::CreateConv2DOptions(e.flat(), padding_of(n), stride.w, stride.h,
                                                target.activation, dilation.w, dilation.h);
  e.op(BuiltinOperator::CONV_2D,
       group > 1 ? 6
       : dynamic ? 5
                 : e.version(x, 3, 4),
       {e.tensor(x), weight, add}, {target.tensor}, options);
  e.finish(n, target);
  return {};
}

Result<void> emit_conv_transpose(Emitter& e, const Node& n) {
  TRY(check_image(n));
  const Value *x = n.inputs[0], *w = n.inputs[1];
  const auto stride = pair_of(n, "strides"), dilation = pair_of(n, "dilations");
  if (n.attr_int("group") != 1) return cannot("a transposed convolution in groups");
  if (dilation.h != 1 || dilation.w != 1) return cannot("a transposed convolution with dilations");
  const Shape& s = *w->shape;  // [O,h,w,I]
  const int weight = e.weight(w, {0, 1, 2, 3}, s, 0), add = bias(e, n, s[0]);
  TRY(const int shape, runtime_shape(e, *n.output(), {x}));
  const auto target = e.plain_target(n);
  const auto options = tfl::CreateTransposeConvOptions(e.flat(), padding_of(n), stride.w, stride.h);
  e.op(BuiltinOperator::TRANSPOSE_CONV, 3, {shape, weight, e.tensor(x), add}, {target.tensor},
       options);
  e.finish(n, target);
  return {};
}

Result<void> emit_fully_connected(Emitter& e, const Node& n, bool outputs_first) {
  const Value *x = n.inputs[0], *w = n.inputs[1];
  const Shape& s = *w->shape;
  const int64_t outputs = s[outputs_first ? 0 : 1], inputs = s[outputs_first ? 1 : 0];
  if (n.input(2) && n.input(2)->is_constant() && n.input(2)->constant->count() != outputs)
    return cannot("an addend that is not one number per output");
  const std::vector<int64_t> perm =
      outputs_first ? std::vector<int64_t>{0, 1} : std::vector<int64_t>{1, 0};
  const bool dynamic = e.is_dynamic(x, w);
  const int weight = e.weight(w, perm, {outputs, inputs}, 0, dynamic), add = bias(e, n, outputs);
  const auto target = e.target(n);
  const bool keep = x->rank() > 2;
  const auto options =
      tfl::CreateFullyConnectedOptions(e.flat(), target.activation, 0, keep, dynamic);
  const int hybrid = w->quant && w->quant->scale.size() > 1 ? 12 : e.is_int4(w) ? 10 : 9;
  e.op(BuiltinOperator::FULLY_CONNECTED,
       dynamic              ? hybrid
       : keep && !is_q16(x) ? 5
                            : e.version(x, 4, 7),
       {e.tensor(x), weight, add}, {target.tensor}, options);
  e.finish(n, target);
  return {};
}

Result<void> emit_gemm(Emitter& e, const Node& n) {
  if (!n.inputs[1]->is_constant() || n.attr_int("transA"))
    return cannot("a product of integers with a computed or transposed operand");
  return emit_fully_connected(e, n, n.attr_int("transB"));
}

Result<void> emit_mat_mul(Emitter& e, const Node& n) {
  const Value *a = n.inputs[0], *b = n.inputs[1];
  if (b->is_constant() && b->rank() == 2 && a->rank() >= 2)
    return emit_fully_connected(e, n, false);
  if (a->dtype != BT_F32) return cannot("a product of two computed matrices of integers");
  if (a->rank() > 5 || b->rank() > 5) return cannot("stacks of matrices of more than 5 axes");
  e.op(BuiltinOperator::BATCH_MATMUL, 1, {e.tensor(a), e.tensor(b)}, {e.tensor(n.output())},
       tfl::CreateBatchMatMulOptions(e.flat()));
  return {};
}

Result<void> emit_pool(Emitter& e, const Node& n) {
  TRY(check_image(n));
  if (n.output(1)) return cannot("the places of the maxima are read");
  const auto dilation = pair_of(n, "dilations");
  if (dilation.h != 1 || dilation.w != 1) return cannot("a pool with dilations");
  const bool mean = n.is("AveragePool");
  const auto stride = pair_of(n, "strides"), kernel = pair_of(n, "kernel_shape");
  const auto options =
      tfl::CreatePool2DOptions(e.flat(), padding_of(n), stride.w, stride.h, kernel.w, kernel.h);
  e.op(mean ? BuiltinOperator::AVERAGE_POOL_2D : BuiltinOperator::MAX_POOL_2D,
       e.version(n.inputs[0]), {e.tensor(n.inputs[0])}, {e.tensor(n.output())}, options);
  return {};
}

constexpr OperatorRow kRows[] = {
    {"Conv", emit_conv},    {"ConvTranspose", emit_conv_transpose},
    {"Gemm", emit_gemm},    {"MatMul", emit_mat_mul},
    {"MaxPool", emit_pool}, {"AveragePool", emit_pool},
};

}  // namespace

std::span<const OperatorRow> product_rows() { return kRows; }

}  // namespace bantam
