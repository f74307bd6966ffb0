// SPDX-License-Identifier: Apache-2.0
// Writes .btm files (runtime/layout.h). Deterministic: the same program and options give the same bytes.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "format/format.h"
#include "formats/native/encode_tensor.h"
#include "ir/program.h"

namespace bantam {

struct NativeOptions {
  Codec codec = Codec::best;
  bool names = true;                 // of inner values and nodes
  std::string meta;                  // JSON
  std::vector<TestVector> tests;
  std::vector<WriteOptions::Plan> plans;
};

struct NativeFile {
  Bytes bytes;
  std::vector<SizeRow> size_map;
};

// An error where the disk has no room for what does not fit into memory.
Result<NativeFile> write_native(const Program& program, const Symbols& symbols, const NativeOptions& options);

}  // namespace bantam
