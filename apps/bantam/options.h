// SPDX-License-Identifier: Apache-2.0
// Flags that several subcommands share.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "format/format.h"

namespace CLI {
class App;
}

namespace bantam {

// --json, --quiet, -v
struct CommonOptions {
  bool json = false, quiet = false;
  int verbose = 0;
  void apply() const;  // to the console
};
void add_common(CLI::App& cmd, CommonOptions& options);

// --shape and the limits of the importer
struct ReadFlags {
  std::vector<std::string> shapes;
  ImportLimits limits;
  Result<ReadOptions> options() const;
};
void add_read_flags(CLI::App& cmd, ReadFlags& flags);

// Fails (usage) where BANTAM_KERNELS names what does not exist or cannot run here.
Result<void> check_kernels_environment();

// NAME=VALUE at the last '='.
Result<std::pair<std::string, std::string>> split_assignment(const std::string& text, const char* flag);
// "1x3x224x224"
Result<Shape> parse_shape(const std::string& text, const char* flag);

}  // namespace bantam
