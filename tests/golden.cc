// SPDX-License-Identifier: Apache-2.0
#include "golden.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace bantam {

const GoldenBlock* GoldenCase::find(const std::string& block) const {
  for (const GoldenBlock& b : blocks)
    if (b.name == block) return &b;
  return nullptr;
}

std::vector<GoldenCase> read_golden(const std::string& path, const std::vector<std::string>& block_names) {
  std::vector<GoldenCase> cases;
  std::ifstream in(path);
  std::string line;
  bool inside_graph = false;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.rfind("--- case ", 0) == 0) {
      cases.push_back({path, line.substr(9), number, {}});
      inside_graph = false;
      continue;
    }
    if (cases.empty()) continue;  // a comment at the top
    const std::string word = line.substr(0, line.find_first_of(" \t{"));
    // a graph right behind the line of another block ("after") is that block's text
    const bool nested = word == "graph" && !cases.back().blocks.empty() && cases.back().blocks.back().name == "after" &&
                        cases.back().blocks.back().text.empty();
    if (nested) inside_graph = true;
    const bool starts = !inside_graph && std::find(block_names.begin(), block_names.end(), word) != block_names.end();
    if (starts) {
      const bool is_graph = word == "graph";
      cases.back().blocks.push_back({word, line.size() > word.size() ? line.substr(word.size() + 1) : "", "", number});
      inside_graph = is_graph;
      if (!is_graph) continue;
    }
    if (cases.back().blocks.empty()) continue;
    cases.back().blocks.back().text += line + "\n";
    if (line == "}") inside_graph = false;
  }
  return cases;
}

std::vector<std::string> golden_files(const std::string& folder) {
  std::vector<std::string> files;
  const std::filesystem::path root = std::filesystem::path(BANTAM_SOURCE_DIR) / folder;
  if (std::filesystem::exists(root))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
      if (entry.path().extension() == ".golden") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

bool update_golden() { return std::getenv("BANTAM_UPDATE_GOLDEN") != nullptr; }

void rewrite_golden(const std::string& path, const std::vector<GoldenCase>& cases) {
  std::ifstream in(path);
  std::string head, line;
  while (std::getline(in, line) && line.rfind("--- case ", 0) != 0) head += line + "\n";
  in.close();
  std::ofstream out(path);
  out << head;
  for (const GoldenCase& c : cases) {
    out << "--- case " << c.name << "\n";
    for (const GoldenBlock& b : c.blocks) {
      if (b.name != "graph") out << b.name << (b.header.empty() ? "" : " " + b.header) << "\n";
      out << b.text;
    }
  }
}

}  // namespace bantam
