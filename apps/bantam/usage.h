// SPDX-License-Identifier: Apache-2.0
// What to say when a command line does not parse: what was meant, as far as it can be told.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace bantam {

// One sentence or two. `arguments` are those that the program got, without its own name; `reason` is what the
// parser says, used where nothing here knows better.
std::string usage_error(const CLI::App& app, const std::vector<std::string>& arguments, const std::string& reason);

}  // namespace bantam
