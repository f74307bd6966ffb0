// SPDX-License-Identifier: Apache-2.0
// Any readable model as something that runs: .btm files by the device's reader, others as a graph that went
// through the recipe `exact` first.
#pragma once

#include <string>

#include "eval/session.h"
#include "format/format.h"
#include "format/size_map.h"

namespace bantam {

struct RunnableModel {
  Session session;
  Graph graph;  // as it runs
  uint64_t file_bytes = 0;
  std::vector<std::string> notes;
};

// With `like`, the model gets the inputs and outputs of that one (report/align_borders.h); notes say what changed.
Result<RunnableModel> open_runnable(const std::string& path, const ReadOptions& read, const SessionOptions& options,
                                    const Graph* like = nullptr);

// Rows that add up to the file's size; a single one where the format says nothing about its parts.
Result<std::vector<SizeRow>> size_map_of(const std::string& path, uint64_t file_bytes);

std::string base_name(const std::string& path);

}  // namespace bantam
