// SPDX-License-Identifier: Apache-2.0
// File formats. Each folder of formats/ defines one `const Format`; the list is generated from the
// folders. Reading and writing work on whole files in memory (mapped, where they are read).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "format/limits.h"
#include "ir/graph.h"

namespace bantam {

struct ReadOptions {
  ImportLimits limits;
  // Lengths for inputs whose shape is not fixed: input name -> shape (--shape).
  std::map<std::string, Shape> shapes;
};

// A model as read: the graph, and what the reader wants to say about it.
struct Model {
  Graph graph;
  std::vector<std::string> notes;  // one sentence each
  std::string format;              // "onnx", "native", ...
  uint64_t file_bytes = 0;         // with external data
};

struct Format {
  const char* name;     // folder of formats/, and what --to takes
  const char* suffix;   // ".onnx"
  const char* summary;  // one line for the documentation
  // Whether the first bytes look like this format; a suffix decides where several do.
  bool (*sniff)(const Bytes& file);
  // `path` is for messages and for data beside the file.
  Result<Model> (*read)(const Bytes& file, const std::string& path, const ReadOptions& options);
};

const std::vector<const Format*>& all_formats();
// The format of a file by its content, else by its suffix.
Result<const Format*> format_of(const Bytes& file, const std::string& path);
Result<Model> read_model(const std::string& path, const ReadOptions& options = {});

}  // namespace bantam
