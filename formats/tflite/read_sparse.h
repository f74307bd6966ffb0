// SPDX-License-Identifier: Apache-2.0
// Tensors that a .tflite file stores without their zeros.
#pragma once

#include <flatbuffers/flatbuffers.h>
#include <tflite_generated.h>

#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "ir/tensor.h"

namespace bantam {

// All elements, `element` bytes each, of a tensor whose stored ones are `values`. The file is not
// trusted.
Result<std::vector<uint8_t>> dense_of(const tfl::SparsityParameters& sparsity, const Shape& shape,
                                      size_t element, const Bytes& values);

}  // namespace bantam
