// SPDX-License-Identifier: Apache-2.0
#include "data/toml_setters.h"

#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

// Far above anything that a person writes; the parser's time is bounded by it.
constexpr uint64_t kMostBytes = 1 << 20;

}  // namespace

Error error_at(const toml::source_region& where, const std::string& what) {
  if (where.begin.line == 0) return {Code::usage, what};
  return {Code::usage, formatted("line {}, column {}: {}", where.begin.line, where.begin.column, what)};
}

Result<void> apply(const toml::table& table, const Setters& setters, const std::string& what) {
  std::vector<std::string> known;
  for (const auto& [name, setter] : setters) known.push_back(name);
  for (auto&& [key, node] : table) {
    const auto it = setters.find(std::string(key.str()));
    if (it == setters.end())
      return error_at(key.source(), formatted("{} has no {}{}", what, quote(key.str()),
                                              suggestion(key.str(), known)));
    TRY(it->second(node));
  }
  return {};
}

Setter table_setter(std::string name, Setters setters) {
  return [name = std::move(name), setters = std::move(setters)](const toml::node& node) -> Result<void> {
    const toml::table* table = node.as_table();
    if (!table) return error_at(node.source(), formatted("{} must be a table: [{}]", quote(name), name));
    return apply(*table, setters, "[" + name + "]");
  };
}

Result<std::string> text_of(const toml::node& node, std::string_view key) {
  const auto value = node.value_exact<std::string>();
  if (!value || value->empty()) return error_at(node.source(), formatted("{} must be a text in quotes", key));
  return *value;
}

Setter text_setter(std::string& to, std::string key) {
  return [&to, key = std::move(key)](const toml::node& node) -> Result<void> {
    TRY(to, text_of(node, key));
    return {};
  };
}

Result<toml::table> parse_toml(std::string_view text) {
  toml::parse_result parsed = toml::parse(text);
  if (!parsed) return error_at(parsed.error().source(), printable(parsed.error().description()));
  return std::move(parsed).table();
}

Result<toml::table> read_toml(const std::string& path, const char* kind) {
  TRY(const Bytes bytes, read_file(path));
  if (bytes.size() > kMostBytes)
    return Error{Code::usage, formatted("{} is too large for {} ({}; {} is the limit)", quote(path), kind,
                                        human_bytes(bytes.size()), human_bytes(kMostBytes))};
  return within(printable(path), parse_toml(bytes.text()));
}

}  // namespace bantam
