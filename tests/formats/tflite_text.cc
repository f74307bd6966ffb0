// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite_text.h"

#include <tflite_generated.h>

#include "base/format.h"

namespace bantam {
namespace {

const char* type_name(tfl::TensorType t) {
  switch (t) {
    case tfl::TensorType::FLOAT32: return "f32";
    case tfl::TensorType::INT8: return "i8";
    case tfl::TensorType::INT16: return "i16";
    case tfl::TensorType::INT32: return "i32";
    case tfl::TensorType::INT64: return "i64";
    case tfl::TensorType::BOOL: return "bool";
    default: return tfl::EnumNameTensorType(t);
  }
}

std::string tensor_text(const tfl::SubGraph& graph, int index) {
  if (index < 0) return "_";
  const tfl::Tensor& t = *graph.tensors()->Get(static_cast<uint32_t>(index));
  const auto* lengths = t.shape_signature() ? t.shape_signature() : t.shape();
  std::string text;
  for (const int32_t d : *lengths) text += formatted("{}{}", text.empty() ? "" : ",", d);
  text = formatted("{} : {}[{}]", t.name()->str(), type_name(t.type()), text);
  const auto* q = t.quantization();
  if (q && q->scale()->size() == 1)
    text += formatted(" q({}, {})", q->scale()->Get(0), q->zero_point()->Get(0));
  if (q && q->scale()->size() > 1)
    text += formatted(" q({} along {})", q->scale()->size(), q->quantized_dimension());
  return text;
}

std::string list_text(const tfl::SubGraph& graph, const flatbuffers::Vector<int32_t>& indices) {
  std::string text;
  for (const int32_t i : indices) text += (text.empty() ? "" : ", ") + tensor_text(graph, i);
  return text;
}

std::string activation(tfl::ActivationFunctionType a) {
  return a == tfl::ActivationFunctionType::NONE
             ? ""
             : formatted(" {}", tfl::EnumNameActivationFunctionType(a));
}

template <typename T>
std::string window(const T& o) {
  return formatted(" {} {}x{}{}", tfl::EnumNamePadding(o.padding()), o.stride_h(), o.stride_w(),
                   activation(o.fused_activation_function()));
}

std::string options_text(const tfl::Operator& op) {
  if (const auto* conv = op.builtin_options_as_Conv2DOptions()) return window(*conv);
  if (const auto* depthwise = op.builtin_options_as_DepthwiseConv2DOptions())
    return window(*depthwise);
  if (const auto* deconv = op.builtin_options_as_TransposeConvOptions()) return window(*deconv);
  if (const auto* pool = op.builtin_options_as_Pool2DOptions())
    return window(*pool) + formatted(" of {}x{}", pool->filter_height(), pool->filter_width());
  if (const auto* full = op.builtin_options_as_FullyConnectedOptions())
    return activation(full->fused_activation_function());
  if (const auto* add = op.builtin_options_as_AddOptions())
    return activation(add->fused_activation_function());
  if (const auto* mul = op.builtin_options_as_MulOptions())
    return activation(mul->fused_activation_function());
  if (const auto* concat = op.builtin_options_as_ConcatenationOptions())
    return formatted(" axis {}", concat->axis());
  if (const auto* resize = op.builtin_options_as_ResizeBilinearOptions())
    return resize->half_pixel_centers() ? " half pixels"
           : resize->align_corners()    ? " corners"
                                        : "";
  if (const auto* nearest = op.builtin_options_as_ResizeNearestNeighborOptions())
    return nearest->half_pixel_centers() ? " half pixels"
           : nearest->align_corners()    ? " corners"
                                         : "";
  return "";
}

}  // namespace

std::string tflite_text(const Bytes& file) {
  const tfl::Model& model = *tfl::GetModel(file.data());
  const tfl::SubGraph& graph = *model.subgraphs()->Get(0);
  std::string text;
  for (const tfl::Operator* op : *graph.operators()) {
    const tfl::OperatorCode& code = *model.operator_codes()->Get(op->opcode_index());
    text += formatted("{} v{}{} ({}) -> {}\n", tfl::EnumNameBuiltinOperator(code.builtin_code()),
                      code.version(), options_text(*op), list_text(graph, *op->inputs()),
                      list_text(graph, *op->outputs()));
  }
  return text;
}

}  // namespace bantam
