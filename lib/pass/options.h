// SPDX-License-Identifier: Apache-2.0
// Options of a pass: one plain struct and one function that describes its fields. Parsing, printing with
// defaults, `bantam list passes`, the documentation and error texts all come from that function:
//
//   struct Options { int bits = 8; std::string method = "auto"; };
//   void describe(OptionList& list, Options& o) {
//     list.number("bits", &o.bits, 2, 8, "bits per weight");
//     list.word("method", &o.method, "auto|minmax|mse", "how ranges are chosen");
//   }
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace bantam {

// name=value as written in a recipe.
using Arguments = std::vector<std::pair<std::string, std::string>>;
bool is_set(const Arguments& arguments, const std::string& name);
void set_argument(Arguments& arguments, const std::string& name, const std::string& value);  // in place of an older value

class OptionList {
 public:
  void number(const char* name, int* field, int lo, int hi, const char* help);
  void real(const char* name, double* field, double lo, double hi, const char* help);
  void flag(const char* name, bool* field, const char* help);  // yes|no
  void word(const char* name, std::string* field, const char* words, const char* help);
  void text(const char* name, std::string* field, const char* help);

  // Sets the fields; fails (usage) on unknown names and bad values, naming what is allowed.
  Result<void> set(const Arguments& arguments) const;
  // All fields with their present values, for a recipe: {"bits", "8"}, ...
  Arguments values() const;

  struct Entry {
    std::string name, help, allowed;  // "2..8", "auto|minmax|mse", "yes|no", "text"
    std::variant<int*, double*, bool*, std::string*> field;
    double lo = 0, hi = 0;
    std::vector<std::string> words;
  };
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

}  // namespace bantam
