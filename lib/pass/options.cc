// SPDX-License-Identifier: Apache-2.0
#include "pass/options.h"

#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace bantam {

bool is_set(const Arguments& arguments, const std::string& name) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const auto& a) { return a.first == name; });
}

void set_argument(Arguments& arguments, const std::string& name, const std::string& value) {
  const auto it = std::find_if(arguments.begin(), arguments.end(), [&](const auto& a) { return a.first == name; });
  if (it == arguments.end()) arguments.emplace_back(name, value);
  else it->second = value;
}

void OptionList::number(const char* name, int* field, int lo, int hi, const char* help) {
  entries_.push_back({name, help, formatted("{}..{}", lo, hi), field, static_cast<double>(lo), static_cast<double>(hi), {}});
}
void OptionList::real(const char* name, double* field, double lo, double hi, const char* help) {
  entries_.push_back({name, help, formatted("{}..{}", shortest(lo), shortest(hi)), field, lo, hi, {}});
}
void OptionList::flag(const char* name, bool* field, const char* help) {
  entries_.push_back({name, help, "yes|no", field, 0, 0, {"yes", "no"}});
}
void OptionList::word(const char* name, std::string* field, const char* words, const char* help) {
  entries_.push_back({name, help, words, field, 0, 0, split(words, '|')});
}
void OptionList::text(const char* name, std::string* field, const char* help) {
  entries_.push_back({name, help, "text", field, 0, 0, {}});
}

Result<void> OptionList::set(const Arguments& arguments) const {
  for (const auto& [name, value] : arguments) {
    const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.name == name; });
    if (it == entries_.end()) {
      std::vector<std::string> names;
      for (const Entry& e : entries_) names.push_back(e.name);
      return Error{Code::usage, formatted("unknown option {}{}{}", quote(name), suggestion(name, names),
                                          names.empty() ? "; this pass has none" : formatted("; options: {}", join(names, ", ")))};
    }
    const Error wrong{Code::usage, formatted("option {} is {}; allowed: {}", name, quote(value), it->allowed)};
    if (auto* number = std::get_if<int*>(&it->field)) {
      int64_t v = 0;
      if (!parse_int(value, &v) || static_cast<double>(v) < it->lo || static_cast<double>(v) > it->hi) return wrong;
      **number = static_cast<int>(v);
    } else if (auto* real_field = std::get_if<double*>(&it->field)) {
      double v = 0;
      if (!parse_double(value, &v) || !(v >= it->lo && v <= it->hi)) return wrong;
      **real_field = v;
    } else if (auto* flag_field = std::get_if<bool*>(&it->field)) {
      if (value != "yes" && value != "no") return wrong;
      **flag_field = value == "yes";
    } else {
      if (!it->words.empty() && std::find(it->words.begin(), it->words.end(), value) == it->words.end()) {
        Error error = wrong;
        error.message += suggestion(value, it->words);
        return error;
      }
      *std::get<std::string*>(it->field) = value;
    }
  }
  return {};
}

Arguments OptionList::values() const {
  Arguments out;
  for (const Entry& e : entries_) {
    std::string text;
    if (auto* number = std::get_if<int*>(&e.field)) text = std::to_string(**number);
    else if (auto* real_field = std::get_if<double*>(&e.field)) text = shortest(**real_field);
    else if (auto* flag_field = std::get_if<bool*>(&e.field)) text = **flag_field ? "yes" : "no";
    else text = *std::get<std::string*>(e.field);
    out.emplace_back(e.name, text);
  }
  return out;
}

}  // namespace bantam
