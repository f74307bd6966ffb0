// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/format.h"

namespace bantam {
namespace {

// Length of a well-formed UTF-8 sequence at the start of `s`, 0 where there is none; its code point.
size_t utf8_length(std::string_view s, uint32_t* code) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(s[i]); };
  const uint8_t b = byte(0);
  const size_t n = b < 0x80 ? 1 : (b >> 5) == 6 ? 2 : (b >> 4) == 14 ? 3 : (b >> 3) == 30 ? 4 : 0;
  if (n == 0 || s.size() < n) return 0;
  *code = n == 1 ? b : b & (0x7Fu >> n);
  for (size_t i = 1; i < n; ++i) {
    if ((byte(i) >> 6) != 2) return 0;
    *code = (*code << 6) | (byte(i) & 0x3Fu);
  }
  static constexpr uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (*code < kSmallest[n] || *code > 0x10FFFF || (*code >= 0xD800 && *code < 0xE000)) return 0;
  return n;
}

// Code points that change how the text around them is shown, or that show nothing at all.
bool is_invisible(uint32_t c) {
  return (c >= 0x80 && c < 0xA0) || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0xFFF0 && c <= 0xFFFB);
}

}  // namespace

std::string printable(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    uint32_t code = 0;
    const size_t n = utf8_length(name, &code);
    if (n == 0 || code < 0x20 || code == 0x7F) {
      out += formatted("\\x{:02x}", static_cast<unsigned>(static_cast<uint8_t>(name[0])));
      name.remove_prefix(1);
      continue;
    }
    if (code == '"' || code == '\\') out += '\\';
    if (is_invisible(code)) out += formatted("\\u{{{:04x}}}", code);
    else out += name.substr(0, n);
    name.remove_prefix(n);
  }
  return out;
}

std::string quote(std::string_view name) {
  constexpr size_t kLongest = 120;
  if (name.size() <= kLongest) return '"' + printable(name) + '"';
  return '"' + printable(name.substr(0, kLongest)) + "...\"";
}

int edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<int>> d(a.size() + 1, std::vector<int>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = static_cast<int>(i);
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string suggestion(std::string_view word, std::span<const std::string> candidates) {
  if (word.size() > 64) return "";
  const std::string* best = nullptr;
  int best_distance = static_cast<int>(word.size()) / 2 + 1;
  for (const std::string& c : candidates) {
    int distance = edit_distance(word, c);
    if (word.size() >= 3 && c.find(word) != std::string::npos) distance = std::min(distance, 1);
    if (distance < best_distance) best_distance = distance, best = &c;
  }
  return best ? "; did you mean \"" + *best + "\"?" : "";
}

std::string human_count(double n) {
  static constexpr const char* kUnits[] = {"", " k", " M", " G", " T", " P"};
  int unit = 0;
  while (std::fabs(n) >= 999.5 && unit < 5) n /= 1000, ++unit;
  if (unit == 0) return formatted("{:.0f}", n);
  return formatted("{:.{}f}{}", n, n >= 99.95 ? 0 : n >= 9.995 ? 1 : 2, kUnits[unit]);
}

std::string human_bytes(uint64_t bytes) {
  const std::string text = human_count(static_cast<double>(bytes));
  return text + (bytes < 1000 ? " B" : "B");
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (size_t at = 0;;) {
    const size_t next = text.find(separator, at);
    parts.emplace_back(text.substr(at, next == std::string_view::npos ? next : next - at));
    if (next == std::string_view::npos) return parts;
    at = next + 1;
  }
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i) out += separator;
    out += parts[i];
  }
  return out;
}

namespace {
template <typename T>
std::string shortest_of(T value) {
  char text[40];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  return {text, end};
}
}  // namespace

std::string shortest(float value) { return shortest_of(value); }
std::string shortest(double value) { return shortest_of(value); }

bool parse_int(std::string_view text, int64_t* value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_double(std::string_view text, double* value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string file_name(std::string_view name) {
  std::string out(name);
  for (char& c : out) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '+' || c == '-';
    if (!plain) c = '_';
  }
  return out;
}

}  // namespace bantam
