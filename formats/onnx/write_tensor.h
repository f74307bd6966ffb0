// SPDX-License-Identifier: Apache-2.0
// Tensors, types and attributes as messages.
#pragma once

#include <string>

#include "formats/onnx/proto.h"
#include "ir/graph.h"

namespace bantam {

// Elements of 2 and 4 bits are packed, low bits first.
void tensor_to_proto(const Tensor& tensor, const std::string& name, onnx::TensorProto& proto);

// Name, type and as much of the shape as is known.
void value_to_proto(const std::string& name, DType dtype, const std::optional<Shape>& shape, const Symbols& symbols, onnx::ValueInfoProto& proto);

// Everything but graphs.
void attribute_to_proto(const std::string& name, const AttrValue& value, onnx::AttributeProto& proto);

}  // namespace bantam
