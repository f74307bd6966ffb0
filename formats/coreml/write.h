// SPDX-License-Identifier: Apache-2.0
// A graph as a Core ML package.
#pragma once

#include "format/format.h"

namespace bantam::coreml {

Result<WrittenModel> write_package(const Graph& graph, const WriteOptions& options);

}  // namespace bantam::coreml
