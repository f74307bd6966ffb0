// SPDX-License-Identifier: Apache-2.0
// Shapes that operators take as a tensor.
#pragma once

#include "formats/tflite/emitter.h"

namespace bantam {

// An int32 tensor with the lengths of y: constant where they are known, else put together in the
// runtime from lengths that the sources have under the same name. Refuses where they have not;
// `one_open` allows a single such length, written as -1 for RESHAPE.
Result<int> runtime_shape(Emitter& e, const Value& y, const std::vector<const Value*>& sources,
                          bool one_open = false);

}  // namespace bantam
