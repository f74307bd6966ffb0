// SPDX-License-Identifier: Apache-2.0
// Single tensors in files: .pb, a serialised ONNX TensorProto, for the types that .npy lacks.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "ir/tensor.h"

namespace bantam {

Result<Tensor> read_tensor_pb(const Bytes& file);
std::vector<uint8_t> write_tensor_pb(const Tensor& tensor, const std::string& name);

}  // namespace bantam
