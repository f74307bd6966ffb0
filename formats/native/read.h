// SPDX-License-Identifier: Apache-2.0
// Reads .btm files back into a graph, for inspection, comparison and further passes.
#pragma once

#include "format/format.h"

namespace bantam {

bool looks_like_native(const Bytes& file);
Result<Model> read_native(const Bytes& file, const std::string& path, const ReadOptions& options);

}  // namespace bantam
