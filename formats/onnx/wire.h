// SPDX-License-Identifier: Apache-2.0
// The outermost levels of an ONNX file, read from the mapped bytes: the weights of the main graph stay
// where they are, so that protobuf parses a skeleton of a few kilobytes and nothing is copied.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "format/limits.h"

namespace bantam {

struct OnnxSkeleton {
  std::string bytes;  // a ModelProto; the raw_data of large initializers is left out
  // raw_data that was left out, by the initializer's position in the main graph.
  std::unordered_map<int, Bytes> raw_data;
};

// Fails with bad_input where the file is cut off, is not protobuf, or nests graphs too deeply.
Result<OnnxSkeleton> split_onnx(const Bytes& file, const ImportLimits& limits);

}  // namespace bantam
