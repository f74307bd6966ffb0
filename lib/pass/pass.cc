// SPDX-License-Identifier: Apache-2.0
#include "pass/pass.h"

namespace bantam {

bool glob_matches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p, ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool Selector::matches(const Node& node) const {
  const bool hit = !op.empty() ? op == node.op->name : glob_matches(glob, node.name);
  return hit != negated;
}

std::string Selector::text() const {
  return std::string(negated ? "not " : "") + (op.empty() ? '"' + glob + '"' : "op:" + op);
}

const NamedPass* find_pass(std::string_view name) {
  for (const NamedPass& p : all_passes())
    if (p.name == name) return &p;
  return nullptr;
}

}  // namespace bantam
