// SPDX-License-Identifier: Apache-2.0
// TensorProto and SparseTensorProto as Tensors, with every check that hostile files call for.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "format/limits.h"
#include "formats/onnx/proto.h"
#include "ir/tensor.h"

namespace bantam {

// External data files of one model: opened once, mapped, only below the model's own folder.
class ExternalData {
 public:
  explicit ExternalData(std::string folder) : folder_(std::move(folder)) {}
  // The bytes that `tensor` names; `expected` is the size that its type and shape ask for.
  Result<Bytes> read(const onnx::TensorProto& tensor, uint64_t expected);

 private:
  Result<Bytes> open(const std::string& location);
  std::string folder_;
  std::unordered_map<std::string, Bytes> files_;
};

// `raw` overrides the message's raw_data where it was left out of the skeleton.
Result<Tensor> tensor_from_proto(const onnx::TensorProto& proto, const Bytes* raw, ExternalData& files,
                                 const ImportLimits& limits);
Result<Tensor> tensor_from_sparse(const onnx::SparseTensorProto& proto, ExternalData& files,
                                  const ImportLimits& limits);

// Type of an element by ONNX's number; refuses what the IR does not hold, by name.
Result<DType> dtype_from_proto(int data_type, const std::string& what);

}  // namespace bantam
