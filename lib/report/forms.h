// SPDX-License-Identifier: Apache-2.0
// Pieces that the forms of the report share.
#pragma once

#include <optional>
#include <string>

#include "report/report.h"
#include "report/table.h"

namespace bantam {

std::string decibel(double v);  // "23.51 dB"; "equal" for infinity
std::string decibel(const std::optional<double>& v);
// A sentence that quotes names already, safe to show: as printable(), but its quotation marks stay as they are.
std::string sentence(const std::string& text);
std::string metric_text(const std::string& name, double v);
std::string metric_line(const Report& report);
std::string cost_line(const Report& report);
std::string verdict_line(const Report& report);  // "" where there is no judgement
std::string budget_line(const Report& report);   // "" where there is no budget
// "" where nothing is known of calibration, and where a warning says it.
std::string calibration_line(const Report& report);
TextTable files_table(const Report& report);
TextTable budget_table(const Report& report, size_t most);
TextTable output_table(const Report& report);
TextTable size_table(const Report& report);
TextTable layer_table(const Report& report, size_t most);

}  // namespace bantam
