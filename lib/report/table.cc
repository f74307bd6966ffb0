// SPDX-License-Identifier: Apache-2.0
#include "report/table.h"

#include <algorithm>

namespace bantam {

TextTable::TextTable(std::vector<std::string> header) : header_(std::move(header)) {
  for (std::string& h : header_) {
    right_.push_back(h.starts_with('>'));
    if (right_.back()) h.erase(0, 1);
  }
}

void TextTable::row(std::vector<std::string> cells) {
  cells.resize(header_.size());
  rows_.push_back(std::move(cells));
}

size_t display_width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; }));
}

std::string TextTable::text(const std::string& indent) const {
  std::vector<size_t> width;
  for (size_t c = 0; c < header_.size(); ++c) {
    width.push_back(display_width(header_[c]));
    for (const auto& r : rows_) width[c] = std::max(width[c], display_width(r[c]));
  }
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string out = indent;
    for (size_t c = 0; c < cells.size(); ++c) {
      const std::string pad(width[c] - display_width(cells[c]), ' ');
      out += (c ? "  " : "") + (right_[c] ? pad + cells[c] : cells[c] + pad);
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out + "\n";
  };
  std::string out = line(header_);
  for (const auto& r : rows_) out += line(r);
  return out;
}

std::string TextTable::markdown() const {
  std::string out = "|";
  for (const auto& h : header_) out += " " + escape_markdown(h) + " |";
  out += "\n|";
  for (size_t c = 0; c < header_.size(); ++c) out += right_[c] ? "---:|" : "---|";
  out += "\n";
  for (const auto& r : rows_) {
    out += "|";
    for (const auto& cell : r) out += " " + escape_markdown(cell) + " |";
    out += "\n";
  }
  return out;
}

std::string TextTable::html() const {
  std::string out = "<table><thead><tr>";
  for (size_t c = 0; c < header_.size(); ++c) out += std::string(right_[c] ? "<th class=\"n\">" : "<th>") + escape_html(header_[c]) + "</th>";
  out += "</tr></thead><tbody>\n";
  for (const auto& r : rows_) {
    out += "<tr>";
    for (size_t c = 0; c < r.size(); ++c) out += std::string(right_[c] ? "<td class=\"n\">" : "<td>") + escape_html(r[c]) + "</td>";
    out += "</tr>\n";
  }
  return out + "</tbody></table>\n";
}

std::string escape_html(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

std::string escape_markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '`' || c == '*' || c == '_') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace bantam
