// SPDX-License-Identifier: Apache-2.0
// ONNX models as they come from an exporter. The input is hostile until it is read (format/limits.h).
#pragma once

#include "format/format.h"

namespace bantam {

bool looks_like_onnx(const Bytes& file);
Result<Model> read_onnx(const Bytes& file, const std::string& path, const ReadOptions& options);

}  // namespace bantam
