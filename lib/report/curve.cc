// SPDX-License-Identifier: Apache-2.0
#include "report/curve.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "base/text.h"
#include "report/table.h"

namespace bantam {
namespace {

constexpr double kLeft = 50, kTop = 30, kWide = 620, kHigh = 320, kMostDecibels = 100;

// Numbers of the form 1, 2 or 5 times a power of ten apart, about five of them.
std::vector<double> ticks(double low, double high) {
  const double rough = std::max(high - low, 1e-9) / 5;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  const double step = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
  std::vector<double> list;
  for (double v = std::ceil(low / step) * step; v <= high + step * 1e-6; v += step) list.push_back(v);
  return list;
}

struct Frame {
  double most_bytes = 0, low = INFINITY, high = -INFINITY;
  double x(double bytes) const { return kLeft + kWide * bytes / most_bytes; }
  double y(double db) const { return kTop + kHigh * (high - db) / (high - low); }
};

Frame frame_of(const std::vector<CurvePoint>& points, const CurveLimits& limits) {
  Frame f;
  const auto take = [&](double bytes, double db) {
    f.most_bytes = std::max(f.most_bytes, bytes * 1.05);
    f.low = std::min(f.low, db - 1);
    f.high = std::max(f.high, db + 1);
  };
  for (const CurvePoint& p : points) take(p.bytes, p.sqnr_db);
  if (limits.bytes) f.most_bytes = std::max(f.most_bytes, *limits.bytes * 1.05);
  if (limits.sqnr_db) take(0, *limits.sqnr_db);
  return f;
}

std::string line(double x1, double y1, double x2, double y2, const char* style) {
  return formatted("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" {}/>\n", x1, y1, x2, y2, style);
}

std::string axes(const Frame& f) {
  constexpr double kBottom = kTop + kHigh;
  std::string out;
  for (const double v : ticks(0, f.most_bytes / 1000)) {
    out += line(f.x(v * 1000), kTop, f.x(v * 1000), kBottom, "stroke=\"#ddd\"");
    out += formatted("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.6g}</text>\n", f.x(v * 1000), kBottom + 16, v);
  }
  for (const double v : ticks(f.low, f.high)) {
    out += line(kLeft, f.y(v), kLeft + kWide, f.y(v), "stroke=\"#ddd\"");
    out += formatted("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:.6g}</text>\n", kLeft - 6, f.y(v) + 4, v);
  }
  out += formatted("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">KB of the file</text>\n", kLeft + kWide, kBottom + 32);
  return out + formatted("<text x=\"{}\" y=\"{}\">signal to noise at the outputs, dB</text>\n", kLeft, kTop - 8);
}

}  // namespace

std::string curve_svg(const std::string& title, std::vector<CurvePoint> points, const CurveLimits& limits) {
  for (CurvePoint& p : points) p.sqnr_db = std::min(p.sqnr_db, kMostDecibels);
  const auto smaller = [](const CurvePoint& a, const CurvePoint& b) { return a.bytes < b.bytes; };
  std::stable_sort(points.begin(), points.end(), smaller);
  const Frame f = frame_of(points, limits);
  std::string out = formatted("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" "
                              "font-family=\"sans-serif\" font-size=\"11\">\n<title>{}</title>\n"
                              "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
                              kLeft + kWide + 20, kTop + kHigh + 45, escape_html(title));
  out += axes(f);
  constexpr const char* kLimit = "stroke=\"#b3261e\" stroke-dasharray=\"5 4\"";
  if (limits.bytes) out += line(f.x(*limits.bytes), kTop, f.x(*limits.bytes), kTop + kHigh, kLimit);
  if (limits.sqnr_db) out += line(kLeft, f.y(*limits.sqnr_db), kLeft + kWide, f.y(*limits.sqnr_db), kLimit);
  std::string joined;
  for (const CurvePoint& p : points)
    if (p.front) joined += formatted("{:.1f},{:.1f} ", f.x(p.bytes), f.y(p.sqnr_db));
  out += "<polyline points=\"" + joined + "\" fill=\"none\" stroke=\"#3568c4\" stroke-width=\"1.5\"/>\n";
  for (const CurvePoint& p : points)
    out += formatted("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\"{}><title>{}</title></circle>\n",
                     f.x(p.bytes), f.y(p.sqnr_db), p.best ? 6 : 4, p.front ? "#3568c4" : "#9aa5b8",
                     p.best ? " stroke=\"#1a7f42\" stroke-width=\"3\"" : "", escape_html(printable(p.label)));
  return out + "</svg>\n";
}

}  // namespace bantam
