// SPDX-License-Identifier: Apache-2.0
// Small files that people write in TOML: every key has a setter, keys without one are refused with a
// suggestion, and messages say where. Only for .cc files: the parser's header is a long one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

#include "base/result.h"

namespace bantam {

// A node that no file holds has no place.
Error error_at(const toml::source_region& where, const std::string& what);

using Setter = std::function<Result<void>(const toml::node&)>;
using Setters = std::map<std::string, Setter>;

// Calls the setter of each key; `what` has them, for the message about one that has none.
Result<void> apply(const toml::table& table, const Setters& setters, const std::string& what);
Setter table_setter(std::string name, Setters setters);
Result<std::string> text_of(const toml::node& node, std::string_view key);
Setter text_setter(std::string& to, std::string key);

// The table of a whole file. `kind` is for the message about a file that is too large to be one.
Result<toml::table> read_toml(const std::string& path, const char* kind);
Result<toml::table> parse_toml(std::string_view text);

}  // namespace bantam
