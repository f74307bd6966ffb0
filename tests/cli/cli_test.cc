// SPDX-License-Identifier: Apache-2.0
// Runs the program as a user does and compares what it prints: every tests/cli/*.cli, and the blocks marked
// ```console of README.md and docs/*.md.
//
//   # a comment
//   $ bantam list kernels
//   kernels  here
//   ...
//   exit 0
//
// Below a command stands what it prints, standard output first, then standard error. "..." stands for any
// text in a line, a line of "..." alone for any lines. "exit N" ends the block (without it: exit 0). A line
// "json KEY ..." in place of the text means: standard output is JSON and has these members (a.b is b inside
// a, a.0 the first element). Commands run in a shell, in an empty folder of their file, with $TESTDATA
// naming the folder testdata.
//
// In documentation numbers may differ: times and sizes change with every machine and version. The folder of a
// page holds testdata.
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/text.h"
#include "catch.h"
#include "golden.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

struct Block {
  std::string file, command;
  int line = 0;
  std::vector<std::string> expected;
  int exit = 0;
  std::vector<std::string> members;  // of JSON
  bool is_json = false;
};

std::string text_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream all;
  all << in.rdbuf();
  return all.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines = split(text, '\n');
  while (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

void add_line(Block& block, const std::string& line) {
  if (line.starts_with("exit ") && line.size() < 9) {
    block.exit = std::atoi(line.c_str() + 5);
  } else if (line == "json" || line.starts_with("json ")) {
    block.is_json = true;
    for (const std::string& word : split(line, ' '))
      if (word != "json" && !word.empty()) block.members.push_back(word);
  } else {
    block.expected.push_back(line);
  }
}

// Lines that start with "$ " begin a block; of a .md file only those between ```console and ```.
std::vector<Block> blocks_of(const fs::path& path) {
  const bool is_markdown = path.extension() == ".md";
  std::vector<Block> blocks;
  bool inside = !is_markdown;
  int number = 0;
  bool open = false;
  for (const std::string& line : split(text_of(path), '\n')) {
    ++number;
    if (is_markdown && line.starts_with("```")) {
      inside = !inside && line == "```console";
      open = false;
      continue;
    }
    if (!inside || (!is_markdown && line.starts_with("#"))) continue;
    if (line.starts_with("$ ")) {
      blocks.push_back({path.filename().string(), line.substr(2), number, {}, 0, {}, false});
      open = true;
    } else if (open) {
      add_line(blocks.back(), line);
    }
  }
  for (Block& b : blocks)
    while (!b.expected.empty() && b.expected.back().empty()) b.expected.pop_back();
  return blocks;
}

bool line_matches(std::string_view pattern, std::string_view text) {
  const size_t at = pattern.find("...");
  if (at == std::string_view::npos) return pattern == text;
  if (text.substr(0, at) != pattern.substr(0, at)) return false;
  const std::string_view rest = pattern.substr(at + 3);
  for (size_t skip = at; skip <= text.size(); ++skip)
    if (line_matches(rest, text.substr(skip))) return true;
  return false;
}

bool lines_match(const std::vector<std::string>& want, size_t i, const std::vector<std::string>& got, size_t k) {
  if (i == want.size()) return k == got.size();
  if (want[i] == "...") {
    for (size_t skip = k; skip <= got.size(); ++skip)
      if (lines_match(want, i + 1, got, skip)) return true;
    return false;
  }
  return k < got.size() && line_matches(want[i], got[k]) && lines_match(want, i + 1, got, k + 1);
}

// "0.18 ms (avx2, 1 thread)": which kernels depends on the CPU.
std::string without_kernels(const std::string& line) {
  const size_t end = line.find(", 1 thread)"), begin = end == std::string::npos ? end : line.rfind('(', end);
  return begin == std::string::npos ? line : line.substr(0, begin) + line.substr(end);
}

// Numbers, and spaces that keep columns in line with them, become one '#' or space.
std::vector<std::string> without_numbers(const std::vector<std::string>& lines) {
  std::vector<std::string> out;
  for (const std::string& with_kernels : lines) {
    const std::string line = without_kernels(with_kernels);
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      const bool digit = std::isdigit(static_cast<unsigned char>(line[i])) != 0;
      const bool point = line[i] == '.' && !text.empty() && text.back() == '#' && i + 1 < line.size() && std::isdigit(static_cast<unsigned char>(line[i + 1]));
      const char c = digit || point ? '#' : line[i];
      if ((c == '#' || c == ' ') && !text.empty() && text.back() == c) continue;
      text += c;
    }
    out.push_back(text);
  }
  return out;
}

struct Outcome {
  std::string out, err;
  int exit = -1;
};

Outcome run(const Block& block, const fs::path& folder) {
  const fs::path out = folder.string() + ".out", err = folder.string() + ".err";
  const std::string script = "export TESTDATA='" BANTAM_SOURCE_DIR "/testdata' PATH='" BANTAM_BINARY_DIR "':\"$PATH\" NO_COLOR=1 TERM=dumb; unset BANTAM_KERNELS; cd '" +
                             folder.string() + "' && { " + block.command + "\n} >'" + out.string() + "' 2>'" + err.string() + "' </dev/null";
  const int status = std::system(script.c_str());
  return {text_of(out), text_of(err), WIFEXITED(status) ? WEXITSTATUS(status) : -1};
}

void check_json(const Block& block, const Outcome& got) {
  const auto parsed = nlohmann::json::parse(got.out, nullptr, false);
  INFO(got.out << got.err);
  REQUIRE(!parsed.is_discarded());
  for (const std::string& member : block.members) {
    INFO("member " << member);
    const std::string path = "/" + join(split(member, '.'), "/");
    CHECK(parsed.contains(nlohmann::json::json_pointer(path)));
  }
}

void check(const Block& block, const Outcome& got) {
  INFO(block.file << ":" << block.line << ": $ " << block.command);
  if (block.is_json) {
    check_json(block, got);
  } else {
    std::vector<std::string> have = lines_of(got.out);
    for (const std::string& line : lines_of(got.err)) have.push_back(line);
    std::vector<std::string> want = block.expected;
    if (block.file.ends_with(".md")) want = without_numbers(want), have = without_numbers(have);
    INFO("it printed:\n" << got.out << got.err);
    CHECK(lines_match(want, 0, have, 0));
  }
  INFO("it printed:\n" << got.out << got.err);
  CHECK(got.exit == block.exit);
}

void run_file(const fs::path& path) {
  const fs::path folder = fs::path(BANTAM_BINARY_DIR) / "cli_tests" / path.filename();
  fs::remove_all(folder);
  fs::create_directories(folder);
  if (path.extension() == ".md") fs::create_directory_symlink(BANTAM_SOURCE_DIR "/testdata", folder / "testdata");
  for (const Block& block : blocks_of(path)) check(block, run(block, folder));
  fs::remove_all(folder);
}

std::vector<fs::path> files_in(const std::string& folder, const std::string& extension) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(BANTAM_SOURCE_DIR) / folder))
    if (entry.path().extension() == extension) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

TEST_CASE("the command line says what tests/cli/*.cli say", "[cli]") {
  REQUIRE(fs::exists(BANTAM_BINARY_DIR "/bantam"));  // build the target bantam_app
  const auto files = files_in("tests/cli", ".cli");
  REQUIRE(!files.empty());
  for (const fs::path& path : files) {
    DYNAMIC_SECTION(path.filename().string()) { run_file(path); }
  }
}

TEST_CASE("commands shown in the documentation work", "[cli]") {
  std::vector<fs::path> files = files_in("docs", ".md");
  files.push_back(fs::path(BANTAM_SOURCE_DIR) / "README.md");
  for (const fs::path& path : files) {
    if (!fs::exists(path) || blocks_of(path).empty()) continue;
    DYNAMIC_SECTION(path.filename().string()) { run_file(path); }
  }
}

// docs/generated holds what the program lists; BANTAM_UPDATE_GOLDEN=1 rewrites it.
TEST_CASE("generated documentation is up to date", "[cli]") {
  for (const std::string what : {"passes", "operators", "formats"}) {
    DYNAMIC_SECTION(what) {
      const fs::path page = fs::path(BANTAM_SOURCE_DIR) / "docs/generated" / (what + ".md");
      const fs::path folder = fs::path(BANTAM_BINARY_DIR) / "cli_tests" / ("list_" + what);
      fs::create_directories(folder);
      const Outcome got = run({"", "bantam list " + what + " --markdown", 0, {}, 0, {}, false}, folder);
      REQUIRE(got.exit == 0);
      if (update_golden()) {
        fs::create_directories(page.parent_path());
        std::ofstream(page, std::ios::binary) << got.out;
      }
      INFO("BANTAM_UPDATE_GOLDEN=1 ctest rewrites docs/generated/" << what << ".md");
      CHECK((text_of(page) == got.out));
    }
  }
}

}  // namespace
}  // namespace bantam
