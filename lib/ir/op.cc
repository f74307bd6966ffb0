// SPDX-License-Identifier: Apache-2.0
#include "ir/op.h"

#include <algorithm>
#include <unordered_map>

#include "base/text.h"
#include "runtime/frame.h"

namespace bantam {

const bt_op* find_op(std::string_view name) {
  static const std::unordered_map<std::string_view, const bt_op*> by_name = [] {
    std::unordered_map<std::string_view, const bt_op*> map;
    for (int i = 0; i < bt_all_ops.count; ++i) map[bt_all_ops.ops[i]->name] = bt_all_ops.ops[i];
    return map;
  }();
  const auto it = by_name.find(name);
  return it == by_name.end() ? nullptr : it->second;
}

std::vector<const bt_op*> all_ops() {
  std::vector<const bt_op*> list(bt_all_ops.ops, bt_all_ops.ops + bt_all_ops.count);
  std::sort(list.begin(), list.end(), [](const bt_op* a, const bt_op* b) { return std::string_view(a->name) < b->name; });
  return list;
}

const std::vector<std::string>& op_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const bt_op* op : all_ops()) list.emplace_back(op->name);
    return list;
  }();
  return names;
}

int attr_index(const bt_op& op, std::string_view name) {
  for (int i = 0; op.attrs && op.attrs[i].name; ++i)
    if (name == op.attrs[i].name) return i;
  return -1;
}

int attr_count(const bt_op& op) {
  int n = 0;
  while (op.attrs && op.attrs[n].name) ++n;
  return n;
}

int word_index(const bt_attr_spec& spec, std::string_view word) {
  const std::vector<std::string> words = split(spec.words, '|');
  for (size_t i = 0; i < words.size(); ++i)
    if (words[i] == word) return static_cast<int>(i);
  return -1;
}

std::string word_at(const bt_attr_spec& spec, int64_t index) {
  const std::vector<std::string> words = split(spec.words, '|');
  return index >= 0 && index < static_cast<int64_t>(words.size()) ? words[static_cast<size_t>(index)] : "?";
}

}  // namespace bantam
