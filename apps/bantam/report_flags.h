// SPDX-License-Identifier: Apache-2.0
// --report FILE.{json,md,html}
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "report/report.h"

namespace CLI {
class App;
}

namespace bantam {

struct ReportFlags {
  std::vector<std::string> files;
  bool wanted() const { return !files.empty(); }
  Result<void> check() const;  // of the suffixes, before any work
  Result<void> write(const Report& report, OutputFiles& out) const;
};
void add_report_flags(CLI::App& cmd, ReportFlags& flags);

}  // namespace bantam
