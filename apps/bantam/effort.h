// SPDX-License-Identifier: Apache-2.0
// --effort: how long the passes of a preset that measure may take for how much accuracy.
#pragma once

#include <vector>

#include "pass/recipe.h"

namespace bantam {

constexpr int kDefaultEffort = 1;  // the presets as they are written
constexpr int kMostEffort = 3;

// 0 leaves out all passes that only measure and improve; 2 and 3 give them more samples and rounds.
// The recipe that is stored in the output says everything, so that it needs no effort to be repeated.
void set_effort(std::vector<Step>& steps, int effort);

}  // namespace bantam
