// SPDX-License-Identifier: Apache-2.0
// The first release of TensorFlow Lite that knows a version of an operator. The format has a place for
// it in the metadata (min_runtime_version), which stores and libraries read before they load a file.
#pragma once

#include <tflite_generated.h>

#include <string>
#include <utility>
#include <vector>

namespace bantam {

// "2.3.0": the release that runs all of them.
std::string oldest_runtime(const std::vector<std::pair<tfl::BuiltinOperator, int>>& operators);

}  // namespace bantam
