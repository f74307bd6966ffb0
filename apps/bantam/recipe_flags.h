// SPDX-License-Identifier: Apache-2.0
// Flags that choose and change a recipe.
#pragma once

#include <string>
#include <vector>

#include "pass/recipe.h"
#include "pass/runner.h"

namespace CLI {
class App;
}

namespace bantam {

struct RecipeFlags {
  std::string preset, inline_recipe, file;
  std::vector<std::string> keep_float, skip;
  bool verify_each = false, time_passes = false, explain = false;
  int stop_after = -1;
  int effort = 1;  // of a preset (effort.h)
  std::string dump_after, dump_folder = ".";
  // The steps, from whichever flag names them; the preset `int8` where none does.
  Result<std::vector<Step>> steps() const;
};
void add_recipe_flags(CLI::App& cmd, RecipeFlags& flags);

}  // namespace bantam
