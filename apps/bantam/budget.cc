// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/budget.h"

#include "apps/bantam/gates.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

Result<uint64_t> parse_bytes(const std::string& text, const char* flag) {
  TRY(const double bytes, parse_limit(text, flag));
  if (!(bytes >= 1 && bytes < 1e15)) return Error{Code::usage, formatted("{} {}: a positive number of bytes is needed", flag, quote(text))};
  return static_cast<uint64_t>(bytes);
}

}  // namespace

Result<double> parse_seconds(const std::string& text) {
  double v = 0;
  const double unit = text.ends_with("h") ? 3600 : text.ends_with("m") ? 60 : text.ends_with("s") ? 1 : 0;
  if (unit == 0 || !parse_double(std::string_view(text).substr(0, text.size() - 1), &v) || !(v > 0))
    return Error{Code::usage, formatted("--time-budget {}: write 90s, 10m or 1h", quote(text))};
  return v * unit;
}

Result<Budget> parse_budget(const BudgetFlags& o, const Device& device) {
  Budget budget;
  if (!o.max_drop.empty()) {
    TRY(budget.max_drop, parse_limit(o.max_drop, "--max-drop"));
  }
  if (!o.min_sqnr.empty()) {
    TRY(budget.min_sqnr, parse_limit(o.min_sqnr, "--min-sqnr"));
  }
  if (!o.max_size.empty()) {
    TRY(budget.max_bytes, parse_bytes(o.max_size, "--max-size"));
  }
  if (!o.max_arena.empty()) {
    TRY(budget.max_arena, parse_bytes(o.max_arena, "--max-arena"));
  }
  if (!o.max_latency.empty()) {
    TRY(budget.max_ms, parse_limit(o.max_latency, "--max-latency"));
    if (!(*budget.max_ms > 0)) return Error{Code::usage, formatted("--max-latency {}: a positive time is needed, 5ms say", quote(o.max_latency))};
  }
  if (!budget.max_bytes) budget.max_bytes = device.flash;
  if (!budget.max_arena) budget.max_arena = device.ram;
  if (!budget.limits_quality() && !budget.max_bytes && !budget.max_arena && !budget.max_ms)
    return Error{Code::usage, "tune needs a budget: --max-drop 1%, --min-sqnr 20dB, --max-size 400KB, --max-arena 96KB, --max-latency 5ms, --device FILE, or several of them"};
  return budget;
}

}  // namespace bantam
