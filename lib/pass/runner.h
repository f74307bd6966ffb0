// SPDX-License-Identifier: Apache-2.0
// Runs a recipe on a graph.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pass/recipe.h"

namespace bantam {

struct RunOptions {
  bool verify_each = false;           // check the graph's invariants after every step
  std::vector<std::string> skip;      // names of passes that are left out
  int stop_after = -1;                // number of steps to run; -1: all (for bisecting)
  // Called before each step that runs.
  std::function<void(const NamedPass& pass, const Graph& graph)> before;
  // Called after each step that ran, with its number from 1, its name, and whether it changed anything.
  std::function<void(int step, const std::string& pass, bool changed, double seconds, const Graph& graph)> after;
};

Result<void> run_recipe(Graph& graph, const std::vector<Step>& steps, PassContext& ctx, const RunOptions& options = {});

}  // namespace bantam
