// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/recipe_flags.h"

#include <CLI/CLI.hpp>

#include "apps/bantam/checks.h"
#include "apps/bantam/effort.h"
#include "base/file.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

// --keep-float reaches every `quantize` of the recipe.
void keep(std::vector<Step>& steps, const std::string& patterns) {
  for (Step& s : steps) {
    keep(s.block, patterns);
    if (!s.pass || s.pass->name != "quantize") continue;
    bool found = false;
    for (auto& [name, value] : s.arguments)
      if (name == "keep") value += "," + patterns, found = true;
    if (!found) s.arguments.emplace_back("keep", patterns);
  }
}

Result<void> need_pass(const std::string& flag, const std::string& name) {
  if (find_pass(name)) return {};
  std::vector<std::string> names;
  for (const NamedPass& p : all_passes()) names.push_back(p.name);
  return Error{Code::usage, formatted("{}: there is no pass {}{} (bantam list passes)", flag, quote(name), suggestion(name, names))};
}

}  // namespace

void add_recipe_flags(CLI::App& cmd, RecipeFlags& f) {
  auto* preset = cmd.add_option("--preset", f.preset, "a built-in recipe: bantam list recipes (default int8)");
  auto* text = cmd.add_option("-p,--passes", f.inline_recipe, "a recipe, for instance 'fold-constants; quantize(bits=4) on op:MatMul'");
  auto* file = cmd.add_option("--recipe", f.file, "a recipe in a file");
  auto* effort = cmd.add_option("--effort", f.effort, "of a preset: 0 quick, 1 default, 2 and 3 more time for more accuracy");
  effort->check(whole_number(0, kMostEffort))->excludes(text)->excludes(file);
  preset->excludes(text)->excludes(file);
  text->excludes(file);
  cmd.add_option("--keep-float", f.keep_float, "layers that are not quantized (names, * and ? allowed)")->take_all();
  const char* group = "Looking into the passes";
  cmd.add_option("--skip", f.skip, "leave a pass out")->take_all()->group(group);
  cmd.add_option("--stop-after", f.stop_after, "run that many steps only (to bisect)")->group(group);
  cmd.add_flag("--verify-each", f.verify_each, "check the graph after every step")->group(group);
  cmd.add_flag("--time-passes", f.time_passes, "print the time of every step")->group(group);
  cmd.add_flag("--explain", f.explain, "print what the passes did and why not")->group(group);
  cmd.add_option("--dump-after", f.dump_after, "write the graph as text after a pass, or after all")->group(group);
  cmd.add_option("--dump-folder", f.dump_folder, "where to")->group(group)->capture_default_str();
}

Result<std::vector<Step>> RecipeFlags::steps() const {
  std::vector<Step> steps;
  if (!inline_recipe.empty()) {
    TRY(steps, within("recipe", parse_recipe(inline_recipe, false)));
  } else if (!file.empty()) {
    TRY(const Bytes text, read_file(file));
    TRY(steps, within(printable(file), parse_recipe(text.text(), true)));
  } else {
    const std::string name = preset.empty() ? "int8" : preset;
    const auto it = all_recipes().find(name);
    if (it == all_recipes().end()) {
      std::vector<std::string> names;
      for (const auto& [known, text] : all_recipes()) names.push_back(known);
      return Error{Code::usage, formatted("there is no preset {}{}; presets: {}", quote(name), suggestion(name, names), join(names, ", "))};
    }
    TRY(steps, within("preset " + name, parse_recipe(it->second, true)));
    set_effort(steps, effort);
  }
  for (const std::string& name : skip) TRY(need_pass("--skip", name));
  if (!dump_after.empty() && dump_after != "all") TRY(need_pass("--dump-after", dump_after));
  if (!keep_float.empty()) keep(steps, join(keep_float, ","));
  return steps;
}

}  // namespace bantam
