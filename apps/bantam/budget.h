// SPDX-License-Identifier: Apache-2.0
// The limits of `tune`: from its flags, and from what a device has.
#pragma once

#include <string>

#include "device/device.h"
#include "search/search.h"

namespace bantam {

struct BudgetFlags {
  std::string max_drop, min_sqnr, max_size, max_arena, max_latency;
};

// A flag wins over the device.
Result<Budget> parse_budget(const BudgetFlags& flags, const Device& device);

// "90s", "10m", "1h".
Result<double> parse_seconds(const std::string& text);

}  // namespace bantam
