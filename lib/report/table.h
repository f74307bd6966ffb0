// SPDX-License-Identifier: Apache-2.0
// Plain tables: columns as wide as their longest cell, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace bantam {

class TextTable {
 public:
  // A header starting with '>' is a column of numbers.
  explicit TextTable(std::vector<std::string> header);
  void row(std::vector<std::string> cells);
  size_t rows() const { return rows_.size(); }
  std::string text(const std::string& indent = "  ") const;
  std::string markdown() const;
  std::string html() const;

 private:
  std::vector<std::string> header_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;
};

// Characters as a terminal shows them (UTF-8 continuation bytes do not count).
size_t display_width(const std::string& text);
std::string escape_html(const std::string& text);
std::string escape_markdown(const std::string& text);

}  // namespace bantam
