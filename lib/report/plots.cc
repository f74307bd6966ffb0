// SPDX-License-Identifier: Apache-2.0
#include "report/plots.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "report/table.h"

namespace bantam {
namespace {

constexpr double kLongestBar = 60;  // percent of the room, which the value behind it shares

}  // namespace

std::string bar_plot(const std::vector<Bar>& bars) {
  std::string out = "<div class=\"bars\">\n";
  for (const Bar& b : bars)
    out += formatted("<div><span class=\"label\">{}</span><span class=\"track\"><i{} style=\"width:{:.1f}%\"></i><span>{}</span></span></div>\n",
                     escape_html(b.label), b.low ? " class=\"low\"" : "", kLongestBar * std::max(0.005, b.length), escape_html(b.value));
  return out + "</div>\n";
}

std::string distribution_plot(const Distribution& d) {
  constexpr double kWidth = 320, kHeight = 90, kBelow = 24;
  const double lo = std::min(d.min, d.range_low), hi = std::max(d.max, d.range_high);
  const double per_unit = hi > lo ? kWidth / (hi - lo) : 0;
  const auto x_of = [&](double v) { return (v - lo) * per_unit; };
  const double top = std::log1p(*std::max_element(d.bars.begin(), d.bars.end()));
  const double bar = (d.max - d.min) / static_cast<double>(d.bars.size());
  std::string out = formatted("<svg role=\"img\" viewBox=\"0 0 {} {}\" width=\"100%\">\n", kWidth, kHeight + kBelow);
  for (size_t i = 0; i < d.bars.size(); ++i) {
    if (d.bars[i] <= 0) continue;
    const double from = d.min + bar * static_cast<double>(i), middle = from + bar / 2;
    const double height = std::max(1.0, kHeight * std::log1p(d.bars[i]) / top);
    out += formatted("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\"/>\n",
                     middle < d.range_low || middle > d.range_high ? "low" : "b", x_of(from), kHeight - height, std::max(1.0, bar * per_unit - 0.5), height);
  }
  out += formatted("<line class=\"r\" x1=\"{:.1f}\" y1=\"{}\" x2=\"{:.1f}\" y2=\"{}\"/>\n", x_of(d.range_low), kHeight + 4, x_of(d.range_high), kHeight + 4);
  out += formatted("<text x=\"0\" y=\"{}\">{:.3g}</text><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{:.3g}</text>\n", kHeight + 19, lo, kWidth, kHeight + 19, hi);
  return out + "</svg>\n";
}

}  // namespace bantam
