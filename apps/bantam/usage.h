// SPDX-License-Identifier: Apache-2.0
// What the command line says of itself: its help, and what was meant where it does not parse.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace bantam {

// Flags with what they take, as "--codec none|pack|best", and their defaults in brackets.
class HelpText : public CLI::Formatter {
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;
};

// One sentence or two. `arguments` are those that the program got, without its own name; `reason` is what the
// parser says, used where nothing here knows better.
std::string usage_error(const CLI::App& app, const std::vector<std::string>& arguments, const std::string& reason);

}  // namespace bantam
