// SPDX-License-Identifier: Apache-2.0
// --gate "psnr>=30, top1-drop<=0.5%, size<=400KB": limits that a report must keep.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "report/report.h"

namespace bantam {

struct Gate {
  std::string name;  // psnr, sqnr, cosine, agreement, kl, size, arena, latency, METRIC, METRIC-drop
  bool at_least = false;
  double limit = 0;
  std::string text;  // as written
};

// "0.5%" is 0.005, "400KB" 400000, "30dB" 30. `flag` is for the message.
Result<double> parse_limit(std::string_view text, const char* flag);
Result<std::vector<Gate>> parse_gates(const std::string& text);
// One row for each gate; fails where the report has nothing that a gate is about.
Result<std::vector<GateRow>> check_gates(const std::vector<Gate>& gates, const Report& report);

// What a report measures of this name; nothing where it does not.
std::optional<double> measured(const std::string& name, const Report& report);

}  // namespace bantam
