// SPDX-License-Identifier: Apache-2.0
// Golden files: cases in plain text, each a list of named blocks.
//
//   --- case a name
//   graph {            <- the block "graph" is the text from its first line on
//     ...
//   }
//   values
//   %x = [1, 2]
//   expect within 1e-5
//   %y : f32[2] = [2, 3]
//
// A block starts with a line whose first word is one of the block names that the caller knows.
#pragma once

#include <string>
#include <vector>

namespace bantam {

struct GoldenBlock {
  std::string name;    // "values"
  std::string header;  // the rest of its first line: "within 1e-5"
  std::string text;    // the lines below (of "graph": with the first line)
  int line = 0;
};

struct GoldenCase {
  std::string file, name;
  int line = 0;
  std::vector<GoldenBlock> blocks;
  const GoldenBlock* find(const std::string& block) const;
};

std::vector<GoldenCase> read_golden(const std::string& path, const std::vector<std::string>& block_names);
// Paths of the .golden files below a folder of the source tree, sorted.
std::vector<std::string> golden_files(const std::string& folder);
// Replaces the text of a block in its file; used with BANTAM_UPDATE_GOLDEN=1.
bool update_golden();
void rewrite_golden(const std::string& path, const std::vector<GoldenCase>& cases);

}  // namespace bantam
