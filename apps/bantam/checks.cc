// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/checks.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

bool parse(const std::string& text, int64_t* v) { return parse_int(text, v); }
bool parse(const std::string& text, double* v) { return parse_double(text, v); }

template <typename T>
CLI::Validator between(T least, T most, const char* what) {
  const auto check = [least, most, what](std::string& text) {
    T v{};
    if (parse(text, &v) && v >= least && v <= most) return std::string();
    return formatted("{} is no {} from {} to {}", quote(text), what, least, most);
  };
  return {check, formatted("{}..{}", least, most)};
}

}  // namespace

CLI::Validator whole_number(int64_t least, int64_t most) { return between(least, most, "whole number"); }
CLI::Validator number(double least, double most) { return between(least, most, "number"); }

CLI::Validator count(int64_t least) {
  const auto check = [least](std::string& text) {
    int64_t v = 0;
    if (parse_int(text, &v) && v >= least) return std::string();
    return formatted("{} is no whole number from {} on", quote(text), least);
  };
  return {check, "N"};
}

CLI::Validator one_of(std::vector<std::string> words) {
  const std::string list = join(words, ", ");
  const std::string described = "{" + join(words, ",") + "}";
  const auto check = [words = std::move(words), list](std::string& text) {
    if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
    return formatted("{} is not among {}{}", quote(text), list, suggestion(text, words));
  };
  return {check, described};
}

}  // namespace bantam
