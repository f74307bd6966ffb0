// SPDX-License-Identifier: Apache-2.0
// The folder that a Core ML model is: a list of its parts, the program, and the weights.
#pragma once

#include "format/format.h"

namespace bantam::coreml {

// Without weights there is no file of them. The identifiers in the list follow from the content, so that equal models are
// equal bytes.
WrittenModel package_of(std::vector<uint8_t> program, std::vector<uint8_t> weights);

}  // namespace bantam::coreml
