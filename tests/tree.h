// SPDX-License-Identifier: Apache-2.0
// The project's own sources, for tests about the tree.
#pragma once

#include <string>
#include <vector>

namespace bantam {

struct SourceFile {
  std::string path;  // from the top of the project: "lib/base/text.cc"
  std::string stem() const;       // "lib/base/text"
  std::string extension() const;  // ".cc"
  std::vector<std::string> lines;
};

// C and C++ files of apps, lib, passes, formats and tests, sorted by path.
const std::vector<SourceFile>& source_files();
std::vector<std::string> file_lines(const std::string& path);  // from the top of the project

}  // namespace bantam
