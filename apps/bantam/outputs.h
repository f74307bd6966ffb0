// SPDX-License-Identifier: Apache-2.0
// A finished graph in the formats that -o names: each output gets its own copy, brought into the form that
// the format holds.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "data/dataset.h"
#include "format/format.h"
#include "report/report.h"

namespace bantam {

struct OutputOptions {
  WriteOptions write;
  int threads = 1;
  int test_vectors = 2;
  Dataset* data = nullptr;         // samples that fit the model's borders; null: there are none
  bool quantized_borders = false;  // integer inputs stand for reals: every number is a good one
};

// One output, as it is in `files` after the call: not yet renamed.
struct Output {
  FileRow row;
  std::vector<SizeRow> size_map;
  Bytes file;  // empty where the output is a folder
  uint64_t arena_bytes = 0;  // of activations and scratch, as the file's plan says; 0: it has none
};

// What a file says about where it comes from, as JSON. `data` may be null.
std::string meta_of(const std::string& source_hash, const Dataset* data, const std::string& recipe);

// Checks the suffixes before any work. An error of code usage where there is no output, or where one is
// the model that is read.
Result<void> check_outputs(const std::string& input, const std::vector<std::string>& paths);

// Whether the runtimes of all of them compute activations of 16 bits faster than floats.
bool gain_by_16_bits(const std::vector<std::string>& paths);

Result<Output> write_output(const std::string& path, const Graph& graph, const OutputOptions& options, OutputFiles& files);

}  // namespace bantam
