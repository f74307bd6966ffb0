// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/usage.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

// Where the parser gives one name per alias; "--threads", "-v".
std::vector<std::string> flag_names(const CLI::App& cmd) {
  std::vector<std::string> names;
  for (const CLI::Option* o : cmd.get_options()) {
    for (const std::string& n : o->get_lnames()) names.push_back("--" + n);
    for (const std::string& n : o->get_snames()) names.push_back("-" + n);
  }
  return names;
}

const CLI::App* command_named(const CLI::App& app, const std::string& name) {
  for (const CLI::App* cmd : app.get_subcommands({}))
    if (cmd->get_name() == name) return cmd;
  return nullptr;
}

// The first argument that looks like a flag and is none; "" where there is none.
std::string unknown_flag(const std::vector<std::string>& arguments, const std::vector<std::string>& known) {
  for (const std::string& argument : arguments) {
    if (argument == "--") return "";
    if (argument.size() < 2 || argument[0] != '-') continue;
    double number = 0;
    if (parse_double(argument, &number)) continue;
    const bool is_long = argument[1] == '-';
    // "-vq" stands for "-v -q", "-onet.btm" for "-o net.btm": the first letter decides
    const std::string name = is_long ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
    if (std::find(known.begin(), known.end(), name) == known.end()) return is_long ? name : argument;
  }
  return "";
}

// What to do about a flag that `cmd` does not have: another command's, or a typo. A letter has no typos.
std::string instead_of(const CLI::App& app, const std::string& flag, const std::vector<std::string>& known) {
  std::vector<std::string> owners;
  for (const CLI::App* c : app.get_subcommands({})) {
    const std::vector<std::string> names = flag_names(*c);
    if (std::find(names.begin(), names.end(), flag) != names.end()) owners.push_back(c->get_name());
  }
  if (owners.size() > 3) return "; it belongs behind the name of a command";
  if (!owners.empty()) return formatted("; {} {}", join(owners, ", "), owners.size() == 1 ? "has it" : "have it");
  return flag.starts_with("--") ? suggestion(flag, known) : "";
}

}  // namespace

std::string usage_error(const CLI::App& app, const std::vector<std::string>& arguments, const std::string& reason) {
  const auto word = std::find_if(arguments.begin(), arguments.end(), [](const std::string& a) { return !a.starts_with('-'); });
  const CLI::App* cmd = word == arguments.end() ? nullptr : command_named(app, *word);
  if (!cmd) {
    std::vector<std::string> names;
    for (const CLI::App* c : app.get_subcommands({})) names.push_back(c->get_name());
    const std::string flag = unknown_flag({arguments.begin(), word}, flag_names(app));
    if (!flag.empty()) return formatted("there is no flag {}{} (bantam --help)", quote(flag), instead_of(app, flag, flag_names(app)));
    if (word == arguments.end()) return formatted("a command is needed: {} (bantam --help)", join(names, ", "));
    return formatted("there is no command {}{}; commands: {}", quote(*word), suggestion(*word, names), join(names, ", "));
  }
  const std::vector<std::string> known = flag_names(*cmd);
  const std::string flag = unknown_flag({word + 1, arguments.end()}, known);
  const std::string help = formatted(" (bantam {} --help)", cmd->get_name());
  // our own checks quote what they refuse; the parser's sentences hold it as it came
  const bool plain = std::all_of(reason.begin(), reason.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (flag.empty()) return (plain ? reason : printable(reason)) + help;
  return formatted("{} has no flag {}{}{}", cmd->get_name(), quote(flag), instead_of(app, flag, known), help);
}

std::string HelpText::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return "";
  // "TEXT:{a,b}" and "INT:0..3" are a type and what the check says of itself
  std::string type = option->get_type_name();
  if (const size_t at = type.rfind(':'); at != std::string::npos) type.erase(0, at + 1);
  if (type.starts_with('{')) {
    type = type.substr(1, type.size() - 2);
    std::replace(type.begin(), type.end(), ',', '|');
  }
  return " " + type + (option->get_expected_max() > 1 ? " ..." : "") + (option->get_required() ? " (required)" : "");
}

std::string HelpText::make_option_desc(const CLI::Option* option) const {
  const std::string text = option->get_default_str();
  return option->get_description() + (text.empty() ? "" : " [" + text + "]");
}

}  // namespace bantam
