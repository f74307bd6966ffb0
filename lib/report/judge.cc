// SPDX-License-Identifier: Apache-2.0
#include "report/judge.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"

namespace bantam {
namespace {

const LayerRow* largest_share(const Report& report) {
  const auto most = std::max_element(report.layers.begin(), report.layers.end(), [](const LayerRow& a, const LayerRow& b) { return a.share < b.share; });
  return most != report.layers.end() && most->share > 0 ? &*most : nullptr;
}

// Its noise over that of the layer before.
const LayerRow* largest_growth(const Report& report) {
  const LayerRow* worst = nullptr;
  double before = 0, most = 0;
  for (const LayerRow& row : report.layers) {
    if (!row.sqnr_db) continue;
    const double noise = std::isinf(*row.sqnr_db) ? 0 : std::pow(10.0, -*row.sqnr_db / 10);
    if ((row.arithmetic == "int8" || row.arithmetic == "int16") && noise - before > most) most = noise - before, worst = &row;
    before = noise;
  }
  return worst;
}

}  // namespace

const LayerRow* worst_layer(const Report& report) {
  const LayerRow* worst = largest_share(report);
  return worst ? worst : largest_growth(report);
}

std::vector<std::string> shortfalls(const Report& report) {
  std::vector<std::string> list;
  if (report.metric) {
    const MetricResult& m = *report.metric;
    const double drop = m.reference - m.compressed;
    if (m.name == "psnr" && drop > 0.5) list.push_back(formatted("PSNR against the targets falls by {:.2f} dB", drop));
    else if (m.name != "psnr" && drop >= 0.01) list.push_back(formatted("{} falls by {:.2f} points", m.name, 100 * drop));
  }
  for (const OutputQuality& o : report.outputs)
    if (o.sqnr_db < 20) list.push_back(formatted("output {} is only {:.1f} dB away from the float model's (SQNR)", quote(o.name), o.sqnr_db));
  return list;
}

std::string doubt_of_labels(const Report& report) {
  constexpr double kHardlyAny = 0.1;
  const auto& m = report.metric;
  if (!m || (m->name != "top1" && m->name != "top5") || m->n == 0 || m->reference >= kHardlyAny) return "";
  return formatted("the float model itself is right on {:.2f} % of {} samples ({}): its labels may be shifted, or not its own", 100 * m->reference, m->n, m->name);
}

void judge(Report& report) {
  if (std::string text = doubt_of_labels(report); !text.empty())
    report.warnings.push_back({"", std::move(text), "offset = 1 below [labels] in the data's .toml, where the model has a background class in front"});
  const LayerRow* layer = worst_layer(report);
  for (std::string& text : shortfalls(report)) {
    if (!layer) {
      report.warnings.push_back({"", std::move(text), ""});
      continue;
    }
    const std::string blame = layer->share > 0 ? formatted("; {:.0f} % of the noise comes from {} ({})", 100 * layer->share, quote(layer->name), layer->op)
                                               : formatted("; the error grows most in {} ({})", quote(layer->name), layer->op);
    report.warnings.push_back({layer->name, text + blame, formatted("--keep-float {}", quote(layer->name))});
  }
}

}  // namespace bantam
