// SPDX-License-Identifier: Apache-2.0
// Rules of docs/style.md that a machine can check.
#include <map>

#include "base/text.h"
#include "catch.h"
#include "tree.h"

namespace bantam {
namespace {

constexpr size_t kMostLines = 600;

// Files that may be longer, and why.
const std::map<std::string, std::string>& long_files() {
  static const std::map<std::string, std::string> files = {};
  return files;
}

// "// Words" or, in C, a comment that goes on after its first line.
bool has_summary(const SourceFile& file) {
  if (file.lines.size() < 2) return false;
  const std::string& second = file.lines[1];
  const bool c_style = file.lines[0].starts_with("/*") && !file.lines[0].ends_with("*/");
  return second.starts_with("// ") || (c_style && !trim(second).empty());
}

// x.h speaks for x.cc too.
bool header_speaks(const SourceFile& file) {
  if (file.extension() != ".cc" && file.extension() != ".c") return false;
  for (const SourceFile& other : source_files())
    if (other.path == file.stem() + ".h") return true;
  return false;
}

TEST_CASE("every file opens with its licence and what it is for", "[tree]") {
  for (const SourceFile& file : source_files()) {
    INFO(file.path);
    REQUIRE(!file.lines.empty());
    CHECK(file.lines[0].find("SPDX-License-Identifier: Apache-2.0") != std::string::npos);
    CHECK((has_summary(file) || header_speaks(file)));
  }
}

TEST_CASE("no file is too long", "[tree]") {
  for (const SourceFile& file : source_files()) {
    if (long_files().contains(file.path)) continue;
    INFO(file.path << " has " << file.lines.size() << " lines; split it (limit " << kMostLines << ")");
    CHECK(file.lines.size() <= kMostLines);
  }
  for (const auto& [path, reason] : long_files()) {
    INFO(path << " is short enough now, or gone: take it off the list");
    CHECK(file_lines(path).size() > kMostLines);
  }
}

TEST_CASE("no tabs, no blanks at line ends, no carriage returns", "[tree]") {
  for (const SourceFile& file : source_files())
    for (size_t i = 0; i < file.lines.size(); ++i) {
      const std::string& line = file.lines[i];
      INFO(file.path << ":" << i + 1);
      CHECK(line.find_first_of("\t\r") == std::string::npos);
      CHECK((line.empty() || line.back() != ' '));
    }
}

}  // namespace
}  // namespace bantam
