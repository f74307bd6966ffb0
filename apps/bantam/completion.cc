// SPDX-License-Identifier: Apache-2.0
// bantam completion: the script that teaches a shell bantam's commands and flags. It is made from the command
// line's own description, so it cannot be out of date.
#include <CLI/CLI.hpp>

#include "apps/bantam/checks.h"
#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

struct Flag {
  std::string name, help;
  bool has_value = false;
  std::vector<std::string> words;  // the values, where only some are allowed
};

// A choice describes itself as "TEXT:{a,b,c}".
std::vector<std::string> words_of(const std::string& type) {
  const size_t open = type.find('{'), close = type.rfind('}');
  if (open == std::string::npos || close == std::string::npos || close < open) return {};
  return split(type.substr(open + 1, close - open - 1), ',');
}

std::vector<Flag> flags_of(const CLI::App& cmd) {
  std::vector<Flag> flags;
  for (const CLI::Option* o : cmd.get_options()) {
    const bool has_value = o->get_items_expected_max() > 0;
    for (const std::string& n : o->get_lnames())
      flags.push_back({"--" + n, o->get_description(), has_value, words_of(o->get_type_name())});
    for (const std::string& n : o->get_snames())
      flags.push_back({"-" + n, o->get_description(), has_value, words_of(o->get_type_name())});
  }
  return flags;
}

// The words that may stand where a positional argument does: what `list` lists, say.
std::vector<std::string> positional_words(const CLI::App& cmd) {
  for (const CLI::Option* o : cmd.get_options())
    if (o->get_positional() && !words_of(o->get_type_name()).empty()) return words_of(o->get_type_name());
  return {};
}

std::string single_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* c : app.get_subcommands({})) names.push_back(c->get_name());
  return join(names, " ");
}

std::string flag_names(const std::vector<Flag>& flags) {
  std::vector<std::string> names;
  for (const Flag& f : flags) names.push_back(f.name);
  return join(names, " ");
}

std::string bash_script(const CLI::App& app) {
  std::string out =
      "# bash completion of bantam: put it into ~/.local/share/bash-completion/completions/bantam\n"
      "_bantam() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} flags= words=\n"
      "  if [[ $COMP_CWORD -eq 1 ]]; then\n";
  out += formatted("    COMPREPLY=($(compgen -W '{} --help --version' -- \"$word\"))\n    return\n  fi\n", command_names(app));
  out += "  case ${COMP_WORDS[1]} in\n";
  for (const CLI::App* cmd : app.get_subcommands({})) {
    const std::vector<Flag> flags = flags_of(*cmd);
    out += formatted("    {})\n      flags='{}'\n", cmd->get_name(), flag_names(flags));
    if (const auto words = positional_words(*cmd); !words.empty()) out += formatted("      words='{}'\n", join(words, " "));
    out += "      case $before in\n";
    for (const Flag& f : flags)
      if (f.has_value && !f.words.empty()) out += formatted("        {}) words='{}' flags= ;;\n", f.name, join(f.words, " "));
    out += "      esac ;;\n";
  }
  out +=
      "  esac\n"
      "  if [[ -n $words && $word != -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
      "  elif [[ $word == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
      "  else\n"
      "    compopt -o filenames; COMPREPLY=($(compgen -f -- \"$word\"))\n"
      "  fi\n"
      "}\n"
      "complete -F _bantam bantam\n";
  return out;
}

// In _arguments, brackets and colons have a meaning of their own.
std::string zsh_escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_script(const CLI::App& app) {
  std::string out =
      "#compdef bantam\n# zsh completion of bantam: put it as _bantam into a folder of $fpath\n"
      "if (( CURRENT == 2 )); then\n  local -a commands=(\n";
  for (const CLI::App* cmd : app.get_subcommands({}))
    out += "    " + single_quoted(cmd->get_name() + ":" + zsh_escaped(cmd->get_description())) + "\n";
  out += "  )\n  _describe command commands\n  return\nfi\ncase $words[2] in\n";
  for (const CLI::App* cmd : app.get_subcommands({})) {
    out += "  " + cmd->get_name() + ")\n    _arguments";
    for (const Flag& f : flags_of(*cmd)) {
      std::string spec = "*" + f.name + "[" + zsh_escaped(f.help) + "]";
      if (f.has_value) spec += f.words.empty() ? ":value:_files" : ":value:(" + join(f.words, " ") + ")";
      out += " \\\n      " + single_quoted(spec);
    }
    const auto words = positional_words(*cmd);
    out += " \\\n      " + single_quoted(words.empty() ? "*:file:_files" : "*:word:(" + join(words, " ") + ")") + " ;;\n";
  }
  return out + "esac\n";
}

std::string fish_script(const CLI::App& app) {
  std::string out = "# fish completion of bantam: put it into ~/.config/fish/completions/bantam.fish\n";
  for (const CLI::App* cmd : app.get_subcommands({})) {
    out += formatted("complete -c bantam -f -n __fish_use_subcommand -a {} -d {}\n", cmd->get_name(), single_quoted(cmd->get_description()));
    const std::string here = formatted("complete -c bantam -n '__fish_seen_subcommand_from {}'", cmd->get_name());
    if (const auto words = positional_words(*cmd); !words.empty()) out += formatted("{} -f -a {}\n", here, single_quoted(join(words, " ")));
    for (const Flag& f : flags_of(*cmd)) {
      out += here + (f.name.starts_with("--") ? " -l " + f.name.substr(2) : " -s " + f.name.substr(1)) + (f.has_value ? " -r" : "");
      if (!f.words.empty() && f.has_value) out += " -f -a " + single_quoted(join(f.words, " "));
      out += " -d " + single_quoted(f.help) + "\n";
    }
  }
  return out;
}

}  // namespace

void add_completion(CLI::App& app, Action& action) {
  auto shell = std::make_shared<std::string>();
  CLI::App* cmd = app.add_subcommand("completion", "Print the completion script of a shell");
  cmd->add_option("shell", *shell, "bash, zsh or fish")->required()->check(one_of({"bash", "zsh", "fish"}));
  cmd->footer(
      "Examples:\n"
      "  source <(bantam completion bash)\n"
      "  bantam completion fish > ~/.config/fish/completions/bantam.fish");
  cmd->callback([&app, &action, shell] {
    action = [&app, shell]() -> Result<int> {
      Console::get().print(*shell == "bash" ? bash_script(app) : *shell == "zsh" ? zsh_script(app) : fish_script(app));
      return 0;
    };
  });
}

}  // namespace bantam
