// SPDX-License-Identifier: Apache-2.0
// Quantized nodes in the forms that runtimes have integer kernels for: a mean over an image as
// GlobalAveragePool, the largest pixel as ReduceMax, a constant subtracted as its opposite added.
#include "formats/onnx/write_form.h"

namespace bantam {
namespace {

bool is_quantized(const OnnxGraphWriter& w, const Node& node) {
  return !w.keeps_pairs() && is_stored_quantized(node.input(0)) && is_stored_quantized(node.output());
}

// All axes of an image behind batch and channels.
bool is_over_image(const Node& node) {
  const Value *x = node.input(0), *axes = node.input(1);
  if (x->rank() < 3 || !axes || !axes->is_constant()) return false;
  std::vector<bool> gone(static_cast<size_t>(x->rank()));
  for (const int64_t a : axes->constant->integers()) gone[static_cast<size_t>(a < 0 ? a + x->rank() : a)] = true;
  for (size_t i = 0; i < gone.size(); ++i)
    if (gone[i] != (i >= 2)) return false;
  return true;
}

void reduce_mean(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (!is_quantized(w, node) || !is_over_image(node)) return;
  call.op = "GlobalAveragePool";
  if (!node.attr_int("keepdims")) {
    std::vector<int64_t> axes;
    for (int64_t i = 2; i < node.input(0)->rank(); ++i) axes.push_back(i);
    call.move = "Squeeze";
    call.move_list = w.constant(node.output()->name + ".axes", Tensor::vector_of(axes));
  }
  call.attrs.clear();
  call.inputs.resize(1);
}

void global_max_pool(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  if (!is_quantized(w, node)) return;
  std::vector<int64_t> axes;
  for (int64_t i = 2; i < node.input(0)->rank(); ++i) axes.push_back(i);
  call.op = "ReduceMax";
  call.attrs.clear();
  if (w.opset() < 18) call.set("axes", axes);
  else call.inputs.push_back(w.constant(node.output()->name + ".axes", Tensor::vector_of(axes)));
}

// The opposite of scale * (q - zero) is scale * (~q - ~zero).
void sub(OnnxGraphWriter& w, const Node& node, OnnxCall& call) {
  const Value* b = node.input(1);
  if (!is_quantized(w, node) || !b->is_constant() || b->dtype != BT_I8 || b->quant->axis >= 0) return;
  std::vector<uint8_t> codes(b->constant->bytes().data(), b->constant->bytes().data() + b->constant->bytes().size());
  for (uint8_t& q : codes) q = static_cast<uint8_t>(~q);
  const std::string integers = w.activation(b->name + ".opposite", Tensor(BT_I8, b->constant->shape(), Bytes(std::move(codes))));
  const std::string scale = w.scalar(b->name + ".scale", BT_F32, static_cast<double>(b->quant->scale[0]));
  call.op = "Add";
  call.inputs[1] = w.emit("DequantizeLinear", {integers, scale, w.activation(b->name + ".zero", ~b->quant->zero_at(0))}, {}, b->name + ".real");
}

}  // namespace

const OnnxForm integer_forms[] = {{"GlobalMaxPool", global_max_pool}, {"ReduceMean", reduce_mean}, {"Sub", sub}, {nullptr, nullptr}};

}  // namespace bantam
