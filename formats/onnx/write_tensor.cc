// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx/write_tensor.h"

namespace bantam {
namespace {

std::string packed(const Tensor& t, int bits) {
  const int per_byte = 8 / bits;
  const auto count = static_cast<size_t>(t.count());
  const auto each = static_cast<size_t>(per_byte);
  std::string out((count + each - 1) / each, '\0');
  for (size_t i = 0; i < count; ++i) {
    const int low = t.bytes().data()[i] & ((1 << bits) - 1);
    out[i / each] = static_cast<char>(out[i / each] | low << (i % each * static_cast<size_t>(bits)));
  }
  return out;
}

}  // namespace

void tensor_to_proto(const Tensor& tensor, const std::string& name, onnx::TensorProto& proto) {
  proto.set_name(name);
  proto.set_data_type(tensor.dtype());
  for (const int64_t d : tensor.shape()) proto.add_dims(d);
  const int bits = bt_dtype_bits(tensor.dtype());
  if (bits < 8) proto.set_raw_data(packed(tensor, bits));
  else proto.set_raw_data(tensor.bytes().data(), tensor.bytes().size());
}

void value_to_proto(const std::string& name, DType dtype, const std::optional<Shape>& shape, const Symbols& symbols, onnx::ValueInfoProto& proto) {
  proto.set_name(name);
  auto& type = *proto.mutable_type()->mutable_tensor_type();
  type.set_elem_type(dtype);
  if (!shape) return;
  auto& dims = *type.mutable_shape();
  for (const int64_t d : *shape) {
    auto& dim = *dims.add_dim();
    if (d >= 0) dim.set_dim_value(d);
    else if (d < -1) dim.set_dim_param(symbols.name(d));
  }
}

void attribute_to_proto(const std::string& name, const AttrValue& value, onnx::AttributeProto& proto) {
  using A = onnx::AttributeProto;
  proto.set_name(name);
  if (const auto* i = std::get_if<int64_t>(&value)) {
    proto.set_type(A::INT);
    proto.set_i(*i);
  } else if (const auto* f = std::get_if<float>(&value)) {
    proto.set_type(A::FLOAT);
    proto.set_f(*f);
  } else if (const auto* s = std::get_if<std::string>(&value)) {
    proto.set_type(A::STRING);
    proto.set_s(*s);
  } else if (const auto* ints = std::get_if<std::vector<int64_t>>(&value)) {
    proto.set_type(A::INTS);
    for (const int64_t v : *ints) proto.add_ints(v);
  } else if (const auto* floats = std::get_if<std::vector<float>>(&value)) {
    proto.set_type(A::FLOATS);
    for (const float v : *floats) proto.add_floats(v);
  } else if (const auto* texts = std::get_if<std::vector<std::string>>(&value)) {
    proto.set_type(A::STRINGS);
    for (const std::string& v : *texts) proto.add_strings(v);
  } else if (const auto* tensor = std::get_if<std::shared_ptr<const Tensor>>(&value)) {
    proto.set_type(A::TENSOR);
    tensor_to_proto(**tensor, "", *proto.mutable_t());
  }
}

}  // namespace bantam
