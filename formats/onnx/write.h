// SPDX-License-Identifier: Apache-2.0
// Writes standard ONNX. Integer nodes are written as QDQ: the float operator between DequantizeLinear and
// QuantizeLinear, which runtimes fuse into their integer kernels.
#pragma once

#include "format/format.h"

namespace bantam {


// The graph must be channels first. The opset is the lowest that holds it, unless the options ask for one.
Result<WrittenModel> write_onnx(const Graph& graph, const WriteOptions& options);

}  // namespace bantam
