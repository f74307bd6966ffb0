// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/baseline.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/bantam/gates.h"
#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

struct Rule {
  const char* name;
  bool more_is_better;
  double absolute, relative;  // how much worse is still as good
};
// Latency is left out: it depends on the machine.
constexpr Rule kRules[] = {{"size", false, 0, 0},        {"arena", false, 0, 0},     {"sqnr", true, 0.1, 0},  {"psnr", true, 0.1, 0},
                           {"cosine", true, 0.001, 0},   {"agreement", true, 0.005, 0}, {"kl", false, 0, 0.05}, {"top1", true, 0.005, 0},
                           {"top5", true, 0.005, 0},     {"ssim", true, 0.002, 0}};

const Rule* rule_of(const std::string& name) {
  for (const Rule& r : kRules)
    if (name == r.name) return &r;
  return nullptr;
}

}  // namespace

Result<Baseline> read_baseline(const std::string& path, bool may_be_new) {
  auto file = read_file(path);
  if (!file.ok() && may_be_new) return Baseline{};
  if (!file.ok()) return Error{file.error().code, file.error().message + " (--update-baseline makes one)"};
  const auto json = nlohmann::json::parse(file->text(), nullptr, false);
  const Error damaged{Code::bad_input, formatted("{} is no baseline: {{\"bantam\": \"baseline\", \"values\": {{...}}}} is expected", printable(path))};
  if (!json.is_object() || json.value("bantam", nlohmann::json()) != "baseline" || !json.contains("values") || !json["values"].is_object()) return damaged;
  Baseline out;
  for (const auto& [name, value] : json["values"].items()) {
    if (!rule_of(name) || !value.is_number()) return damaged;
    out[name] = value.get<double>();
  }
  return out;
}

std::vector<GateRow> check_baseline(const Baseline& baseline, const Report& report) {
  std::vector<GateRow> rows;
  for (const auto& [name, before] : baseline) {
    const auto now = measured(name, report);
    const Rule& rule = *rule_of(name);
    const double room = rule.absolute + rule.relative * std::fabs(before);
    const std::string text = formatted("{}{}{} (baseline)", name, rule.more_is_better ? ">=" : "<=", shortest(static_cast<float>(before)));
    if (!now) {
      rows.push_back({text, formatted("{} is not measured by this comparison", name), false});
      continue;
    }
    const bool met = rule.more_is_better ? *now >= before - room : *now <= before + room;
    rows.push_back({text, formatted("{} is {}; the baseline is {}", name, shortest(static_cast<float>(*now)), shortest(static_cast<float>(before))), met});
  }
  return rows;
}

Baseline ratcheted(const Baseline& baseline, const Report& report) {
  Baseline out = baseline;
  for (const Rule& rule : kRules) {
    const auto now = measured(rule.name, report);
    if (!now || !std::isfinite(*now)) continue;
    const auto [it, added] = out.emplace(rule.name, *now);
    if (!added && (rule.more_is_better ? *now > it->second : *now < it->second)) it->second = *now;
  }
  return out;
}

std::string baseline_text(const Baseline& baseline) {
  nlohmann::ordered_json values = nlohmann::ordered_json::object();
  for (const auto& [name, value] : baseline) values[name] = value;
  const nlohmann::ordered_json j = {{"bantam", "baseline"}, {"values", values}};
  return j.dump(1) + "\n";
}

}  // namespace bantam
