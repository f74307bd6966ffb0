// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/report_flags.h"

#include <CLI/CLI.hpp>

#include "base/format.h"
#include "base/text.h"

namespace bantam {

void add_report_flags(CLI::App& cmd, ReportFlags& f) {
  cmd.add_option("--report", f.files, "write the report: FILE.json, FILE.md, FILE.html, or FILE.xml (JUnit, the gates)")->take_all()->type_name("FILE");
}

Result<void> ReportFlags::check() const {
  for (const std::string& f : files)
    if (!f.ends_with(".json") && !f.ends_with(".md") && !f.ends_with(".html") && !f.ends_with(".xml"))
      return Error{Code::usage, formatted("--report {}: a name ending in .json, .md, .html or .xml is needed", quote(f))};
  return {};
}

Result<void> ReportFlags::write(const Report& report, OutputFiles& out) const {
  for (const std::string& f : files) {
    const std::string text = f.ends_with(".json") ? to_json(report) : f.ends_with(".md") ? to_markdown(report) : f.ends_with(".xml") ? to_junit(report) : to_html(report);
    TRY(out.write(f, text));
  }
  return {};
}

}  // namespace bantam
