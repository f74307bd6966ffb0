// SPDX-License-Identifier: Apache-2.0
// Recipes: the order in which passes run.
//
//   recipe 1
//   repeat { fold-constants; drop-identity; drop-dead }
//   quantize(bits=8, weights=channel) on op:Conv
//   include layout                               // the steps of a built-in recipe
//
// Steps end at a line end or at ';'. '#' starts a comment. The first line of a file states the version.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pass/pass.h"

namespace bantam {

struct Step {
  const NamedPass* pass = nullptr;  // null: a block
  Arguments arguments;              // as written
  bool has_selector = false;
  Selector selector;
  std::vector<Step> block;  // repeat { ... }: until nothing changes
  int line = 1, column = 1;
};

// Errors have code usage, start with line and column, and suggest the nearest valid name.
Result<std::vector<Step>> parse_recipe(std::string_view text, bool is_file);

// The recipe with every default filled in, one step per line: what is stored in the output, and what
// repeats a result.
Result<std::string> expand_recipe(const std::vector<Step>& steps);

}  // namespace bantam
