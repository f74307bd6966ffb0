// SPDX-License-Identifier: Apache-2.0
// --baseline lock.json: what a model reached before, as gates that the next one must keep.
//
//   {"bantam": "baseline", "values": {"agreement": 0.965, "size": 1130201, "sqnr": 25.7}}
//
// Sizes may not grow at all; decibels may fall by 0.1, shares by half a point, KL may grow by 5 %. With
// --update-baseline the file takes over whatever became better, and nothing that became worse: a ratchet.
#pragma once

#include <map>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "report/report.h"

namespace bantam {

using Baseline = std::map<std::string, double>;  // by gate name

// An empty baseline where the file is missing and may be (`may_be_new`).
Result<Baseline> read_baseline(const std::string& path, bool may_be_new);
std::vector<GateRow> check_baseline(const Baseline& baseline, const Report& report);
// The better of both, value by value.
Baseline ratcheted(const Baseline& baseline, const Report& report);
std::string baseline_text(const Baseline& baseline);

}  // namespace bantam
