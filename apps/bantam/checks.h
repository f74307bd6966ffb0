// SPDX-License-Identifier: Apache-2.0
// What a flag accepts, said in words where a value is refused. Help and completion read the descriptions.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace bantam {

// An integer of least..most.
CLI::Validator whole_number(int64_t least, int64_t most);
// An integer that is not negative, or not below `least`.
CLI::Validator count(int64_t least = 0);
// A finite number of least..most.
CLI::Validator number(double least, double most);
// One of these words; a typo gets a suggestion.
CLI::Validator one_of(std::vector<std::string> words);

}  // namespace bantam
