// SPDX-License-Identifier: Apache-2.0
// The command line: picks the subcommand, runs it, and turns an error into an exit code.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <new>

#include "apps/bantam/command.h"
#include "apps/bantam/console.h"
#include "apps/bantam/heap.h"
#include "apps/bantam/usage.h"
#include "base/file.h"

namespace bantam {
namespace {

// The library throws nothing of its own, but memory can run out, and other libraries may throw.
Result<int> run(const Action& action) {
  try {
    return action();
  } catch (const std::bad_alloc&) {
    return Error{Code::bad_input, "out of memory: the input needs more than this machine can give"};
  } catch (const std::exception& e) {
    return Error{Code::internal, std::string("an exception nobody expected: ") + e.what()};
  }
}

}  // namespace
}  // namespace bantam

int main(int argc, char** argv) {
  using namespace bantam;
  prepare_heap();
  remove_temporaries_on_signal();
  CLI::App app("bantam compresses trained ONNX models for small devices and proves what it cost.", "bantam");
  app.set_version_flag("--version", "bantam " BANTAM_VERSION);
  app.formatter(std::make_shared<HelpText>());
  app.require_subcommand(1);
  Action action;
  for (const auto add : {add_convert, add_tune, add_compare, add_run, add_inspect, add_bench, add_list, add_verify, add_unpack, add_pack, add_completion}) add(app, action);
  std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  if (!arguments.empty() && arguments[0] == "help") {  // "help convert" is "convert --help"
    arguments.erase(arguments.begin());
    arguments.emplace_back("--help");
  }
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    Console::get().error(usage_error(app, arguments, e.what()));
    return exit_code(Code::usage);
  }
  const Result<int> result = run(action);
  if (result.ok()) return result.value();
  Console::get().error(result.error().message);
  return exit_code(result.error().code);
}
