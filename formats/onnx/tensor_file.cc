// SPDX-License-Identifier: Apache-2.0
#include "formats/onnx/tensor_file.h"

#include "formats/onnx/tensor.h"

namespace bantam {

Result<Tensor> read_tensor_pb(const Bytes& file) {
  onnx::TensorProto proto;
  if (file.size() > 0x7FFFFFFF || !proto.ParseFromArray(file.data(), static_cast<int>(file.size())))
    return Error{Code::bad_input, "the file is not an ONNX TensorProto"};
  if (proto.data_location() == onnx::TensorProto_DataLocation_EXTERNAL)
    return Error{Code::unsupported, "a TensorProto file with external data is not supported"};
  ExternalData none("");
  return tensor_from_proto(proto, nullptr, none, ImportLimits());
}

std::vector<uint8_t> write_tensor_pb(const Tensor& tensor, const std::string& name) {
  onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(tensor.dtype());
  for (const int64_t d : tensor.shape()) proto.add_dims(d);
  const int bits = bt_dtype_bits(tensor.dtype());
  if (bits >= 8) {
    proto.set_raw_data(tensor.bytes().data(), tensor.bytes().size());
  } else {
    const int per_byte = 8 / bits;
    const auto count = static_cast<size_t>(tensor.count());
    std::string packed((count + static_cast<size_t>(per_byte) - 1) / static_cast<size_t>(per_byte), '\0');
    for (size_t i = 0; i < count; ++i) {
      const unsigned v = tensor.bytes().data()[i] & ((1u << bits) - 1);
      char& byte = packed[i / static_cast<size_t>(per_byte)];
      byte = static_cast<char>(static_cast<uint8_t>(byte) | v << (i % static_cast<size_t>(per_byte) * static_cast<size_t>(bits)));
    }
    proto.set_raw_data(packed);
  }
  std::vector<uint8_t> out(proto.ByteSizeLong());
  proto.SerializeToArray(out.data(), static_cast<int>(out.size()));
  return out;
}

}  // namespace bantam
