// SPDX-License-Identifier: Apache-2.0
#include "tree.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace bantam {

namespace fs = std::filesystem;

std::string SourceFile::stem() const { return path.substr(0, path.rfind('.')); }
std::string SourceFile::extension() const { return path.substr(path.rfind('.')); }

std::vector<std::string> file_lines(const std::string& path) {
  std::ifstream in(fs::path(BANTAM_SOURCE_DIR) / path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

const std::vector<SourceFile>& source_files() {
  static const std::vector<SourceFile> all = [] {
    const fs::path top = BANTAM_SOURCE_DIR;
    std::vector<SourceFile> files;
    for (const char* folder : {"apps", "lib", "passes", "formats", "tests"})
      for (const auto& entry : fs::recursive_directory_iterator(top / folder)) {
        const std::string extension = entry.path().extension().string();
        if (extension != ".c" && extension != ".cc" && extension != ".h" && extension != ".inc") continue;
        const std::string path = entry.path().lexically_relative(top).generic_string();
        files.push_back({path, file_lines(path)});
      }
    std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    return files;
  }();
  return all;
}

}  // namespace bantam
