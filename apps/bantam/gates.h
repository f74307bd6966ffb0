// SPDX-License-Identifier: Apache-2.0
// --gate "psnr>=30, top1-drop<=0.5%, size<=400KB": limits that a report must keep.
#pragma once

#include <string>
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

Result<std::vector<Gate>> parse_gates(const std::string& text);
// One sentence for each gate that is missed; fails where the report has nothing that the gate is about.
Result<std::vector<std::string>> missed_gates(const std::vector<Gate>& gates, const Report& report);

}  // namespace bantam
