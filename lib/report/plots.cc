// SPDX-License-Identifier: Apache-2.0
#include "report/plots.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "report/table.h"

namespace bantam {

std::string bar_plot(const std::vector<Bar>& bars) {
  constexpr int kRow = 18, kLabel = 220, kWidth = 340, kAll = 720;
  std::string out = formatted("<svg role=\"img\" viewBox=\"0 0 {} {}\" width=\"100%\">\n", kAll, kRow * static_cast<int>(bars.size()) + 4);
  for (size_t i = 0; i < bars.size(); ++i) {
    const Bar& b = bars[i];
    const int y = kRow * static_cast<int>(i);
    std::string label = b.label;
    if (display_width(label) > 34) label = "..." + label.substr(label.size() - 30);
    out += formatted("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kLabel, y + 13, escape_html(label));
    out += formatted("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{:.1f}\" height=\"12\" rx=\"2\"/>", b.low ? "low" : "b", kLabel + 8, y + 3, std::max(1.0, b.length * kWidth));
    out += formatted("<text x=\"{:.1f}\" y=\"{}\">{}</text>\n", kLabel + 14 + b.length * kWidth, y + 13, escape_html(b.value));
  }
  return out + "</svg>\n";
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
