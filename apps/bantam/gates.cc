// SPDX-License-Identifier: Apache-2.0
#include "apps/bantam/gates.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/format.h"
#include "base/text.h"
#include "base/units.h"

namespace bantam {
namespace {

const std::vector<std::string>& gate_names() {
  static const std::vector<std::string> names = {"psnr", "sqnr", "cosine", "agreement", "kl", "size", "arena", "latency", "ratio",
                                                 "top1", "top5", "ssim", "top1-drop", "top5-drop", "psnr-drop", "ssim-drop", "agreement-drop"};
  return names;
}

double worst(const Report& r, double OutputQuality::*field) {
  double v = INFINITY;
  for (const OutputQuality& o : r.outputs) v = std::min(v, o.*field);
  return v;
}

// In the unit that the gate's name has.
std::string with_unit(const std::string& name, double v) {
  if (name.starts_with("psnr") || name == "sqnr") return formatted("{:.3f} dB", v);
  if (name == "size" || name == "arena") return formatted("{} ({:.0f} B)", human_bytes(static_cast<uint64_t>(v)), v);
  if (name == "latency" || name == "ratio") return formatted("{:.3f}x", v);
  if (name.starts_with("top") || name.starts_with("agreement")) return formatted("{:.2f} %", 100 * v);
  return shortest(static_cast<float>(v));  // cosine, kl, ssim
}

}  // namespace

std::optional<double> measured(const std::string& name, const Report& r) {
  const auto of_classes = [&](std::optional<double> OutputQuality::*field) { return r.outputs.empty() ? std::nullopt : r.outputs[0].*field; };
  if (name == "size") return static_cast<double>(r.file_bytes);
  if (name == "ratio" && r.file_bytes) return static_cast<double>(r.source_bytes) / static_cast<double>(r.file_bytes);
  if (name == "arena" && r.model_cost) return static_cast<double>(r.model_cost->arena_bytes);
  if (name == "latency" && r.model_cost && r.reference_cost) return r.model_cost->milliseconds / r.reference_cost->milliseconds;
  if (r.outputs.empty()) return std::nullopt;
  if (name == "sqnr") return worst(r, &OutputQuality::sqnr_db);
  if (name == "cosine") return worst(r, &OutputQuality::cosine);
  if (name == "agreement") return of_classes(&OutputQuality::agreement);
  if (name == "kl") return of_classes(&OutputQuality::kl);
  if (r.metric && name == r.metric->name) return r.metric->compressed;
  if (r.metric && name == r.metric->name + "-drop") return r.metric->reference - r.metric->compressed;
  if (name == "psnr") return worst(r, &OutputQuality::psnr_db);
  return std::nullopt;
}

Result<double> parse_limit(std::string_view text, const char* flag) {
  struct Unit {
    const char* suffix;
    double factor;
  };
  static constexpr Unit kUnits[] = {{"%", 0.01}, {"dB", 1}, {"x", 1}, {"ms", 1}};
  double factor = 0;
  std::string_view number = text;
  for (const Unit& u : kUnits)
    if (text.ends_with(u.suffix)) {
      factor = u.factor;
      number.remove_suffix(std::string_view(u.suffix).size());
      break;
    }
  if (factor == 0) factor = take_byte_unit(&number);
  double v = 0;
  if (!parse_double(trim(number), &v))
    return Error{Code::usage, formatted("{}: {} is no number with one of the units %, dB, B, kB, KB, MB, KiB, MiB, x, ms, or without", flag, quote(text))};
  return factor == 0 ? v : v * factor;
}

Result<std::vector<Gate>> parse_gates(const std::string& text) {
  std::vector<Gate> gates;
  for (const std::string& part : split(text, ',')) {
    const std::string piece(trim(part));
    if (piece.empty()) continue;
    const size_t at = piece.find_first_of("<>");
    if (at == std::string::npos || at + 1 >= piece.size() || piece[at + 1] != '=')
      return Error{Code::usage, formatted("--gate: {} should look like psnr>=30 or size<=400KB", quote(piece))};
    Gate gate;
    gate.name = trim(piece.substr(0, at));
    gate.at_least = piece[at] == '>';
    gate.text = piece;
    if (std::find(gate_names().begin(), gate_names().end(), gate.name) == gate_names().end())
      return Error{Code::usage, formatted("--gate: {} is not measured{}; measured: {}", quote(gate.name), suggestion(gate.name, gate_names()), join(gate_names(), ", "))};
    TRY(gate.limit, parse_limit(trim(piece.substr(at + 2)), "--gate"));
    gates.push_back(std::move(gate));
  }
  return gates;
}

Result<std::vector<GateRow>> check_gates(const std::vector<Gate>& gates, const Report& report) {
  std::vector<GateRow> rows;
  for (const Gate& g : gates) {
    const auto value = measured(g.name, report);
    if (!value) return Error{Code::usage, formatted("--gate {}: this comparison does not measure {} (labels, targets or another data set may be needed)", g.text, g.name)};
    const bool met = !std::isnan(*value) && (g.at_least ? *value >= g.limit : *value <= g.limit);
    rows.push_back({g.text, formatted("{} is {}; the gate is {}", g.name, with_unit(g.name, *value), g.text), met});
  }
  return rows;
}

}  // namespace bantam
