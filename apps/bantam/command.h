// SPDX-License-Identifier: Apache-2.0
// A subcommand: adds its flags to the command line and leaves an action behind, which main() runs. The
// action returns the exit code (0, or 1 for a missed gate) or an error.
#pragma once

#include <functional>

#include "base/result.h"

namespace CLI {
class App;
}

namespace bantam {

using Action = std::function<Result<int>()>;

void add_run(CLI::App& app, Action& action);
void add_convert(CLI::App& app, Action& action);
void add_compare(CLI::App& app, Action& action);
void add_inspect(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);
void add_list(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_tune(CLI::App& app, Action& action);
void add_unpack(CLI::App& app, Action& action);
void add_pack(CLI::App& app, Action& action);
void add_completion(CLI::App& app, Action& action);

}  // namespace bantam
