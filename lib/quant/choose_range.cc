// SPDX-License-Identifier: Apache-2.0
#include "quant/choose_range.h"

#include <algorithm>
#include <cmath>

namespace bantam {
namespace {

Range with_zero(double lo, double hi) {
  return {static_cast<float>(std::min(lo, 0.0)), static_cast<float>(std::max(hi, 0.0))};
}

// A bin, with what its error needs in floats.
struct Point {
  double value, width, spread, count;  // spread: the variance inside
};

std::vector<Point> points_of(const Histogram& h) {
  std::vector<Point> points;
  for (const Histogram::Bin& b : h.bins()) points.push_back({b.value, b.width, b.width * b.width / 12, static_cast<double>(b.count)});
  return points;
}

// A range on trial. What is clipped counts `clip` times.
struct Grid {
  double lo, hi, step, clip;
};

// Squared error over one bin: clipped values lie at a distance, others are rounded. Bins narrower than
// a step are taken at their middle, wider ones as spread evenly. Without branches.
double point_error(const Point& p, const Grid& g) {
  constexpr double kNoFractions = 6755399441055744.0;  // 1.5 * 2^52: sums of values inside have no room for them
  const double steps = p.value / g.step, off = p.value - ((steps + kNoFractions) - kNoFractions) * g.step;
  const double below = g.lo - p.value, above = p.value - g.hi, out = below > 0 ? below : above;
  const double clipped = g.clip * out * out, rounded = p.width > g.step ? g.step * g.step / 12 : off * off + p.spread;
  return (out > 0 ? clipped : rounded) * p.count;
}

// The same behind a function: what it flattens may be clipped or rounded coarsely at no cost.
double point_error(const Point& p, const Grid& g, const Curve& curve) {
  const double rounded = std::clamp(std::nearbyint(p.value / g.step) * g.step, g.lo, g.hi);
  const double off = curve(p.value) - curve(rounded);
  const bool is_inside = p.value >= g.lo && p.value <= g.hi;
  double error = is_inside ? off * off : g.clip * off * off;
  if (is_inside) {
    const double spread = std::min(p.width, g.step);
    const double change = curve(p.value + spread / 2) - curve(p.value - spread / 2);
    error = p.width > g.step ? change * change / 12 : error + change * change / 12;
  }
  return error * p.count;
}

// Once the sum has reached `most`, it may stop there.
double total_error(const std::vector<Point>& points, const Grid& grid, const Curve* curve = nullptr, double most = INFINITY) {
  constexpr size_t kPart = 32;
  if (!(grid.step > 0)) return INFINITY;
  double sum = 0;
  for (size_t i = 0; i < points.size() && sum < most; i += kPart) {
    const size_t n = std::min(kPart, points.size() - i);
    double error[kPart];
    for (size_t k = 0; k < n; ++k) error[k] = curve ? point_error(points[i + k], grid, *curve) : point_error(points[i + k], grid);
    for (size_t k = 0; k < n; ++k) sum += error[k];
  }
  return sum;
}

Grid grid_of(double lo, double hi, int levels, double clip = 1) { return {lo, hi, (hi - lo) / levels, clip}; }

// Both ends are moved inwards in turn, as long as the error falls.
Range by_error(const Histogram& h, int levels, double clip, const Curve* curve) {
  const auto points = points_of(h);
  const Range full = with_zero(h.min(), h.max());
  double lo = full.lo, hi = full.hi;
  double best = total_error(points, grid_of(lo, hi, levels, clip), curve);
  constexpr int kSteps = 60;
  for (int round = 0; round < 2; ++round) {
    for (const bool upper : {true, false}) {
      const double end = upper ? full.hi : full.lo;
      for (int k = 1; k < kSteps && end != 0; ++k) {
        const double moved = end * (1 - static_cast<double>(k) / kSteps);
        const Grid grid = upper ? grid_of(lo, moved, levels, clip) : grid_of(moved, hi, levels, clip);
        const double error = total_error(points, grid, curve, best);
        if (error < best) {
          best = error;
          (upper ? hi : lo) = moved;
        }
      }
    }
  }
  return with_zero(lo, hi);
}

// The range whose quantized distribution diverges least from the full one (Kullback-Leibler, as TensorRT
// does it, on our own bins): clipped mass moves to the ends, mass inside spreads over its step.
Range by_entropy(const Histogram& h, int levels) {
  const auto bins = h.bins();
  const Range full = with_zero(h.min(), h.max());
  double best = INFINITY;
  Range chosen = full;
  constexpr int kSteps = 60;
  for (int k = 0; k < kSteps * 3 / 4; ++k) {
    const double shrink = 1 - static_cast<double>(k) / kSteps;
    const double lo = full.lo * shrink, hi = full.hi * shrink, step = (hi - lo) / levels;
    if (!(step > 0)) break;
    std::vector<double> mass(static_cast<size_t>(levels) + 1), used(static_cast<size_t>(levels) + 1);
    const auto slot = [&](double v) { return static_cast<size_t>(std::clamp(std::nearbyint((v - lo) / step), 0.0, static_cast<double>(levels))); };
    double total = 0;
    for (const auto& b : bins) {
      mass[slot(b.value)] += static_cast<double>(b.count);
      if (b.value >= lo && b.value <= hi) used[slot(b.value)] += std::max(b.width, step * 1e-3);
      total += static_cast<double>(b.count);
    }
    double divergence = 0;
    for (const auto& b : bins) {
      const double p = static_cast<double>(b.count) / total;
      const size_t s = slot(b.value);
      const bool inside = b.value >= lo && b.value <= hi;
      const double share = inside && used[s] > 0 ? std::max(b.width, step * 1e-3) / used[s] : 1e-6;
      divergence += p * std::log(p / std::max(mass[s] / total * share, 1e-30));
    }
    if (divergence < best) {
      best = divergence;
      chosen = with_zero(lo, hi);
    }
  }
  return chosen;
}

}  // namespace

std::vector<float> Curve::points(const Histogram& histogram) {
  constexpr int kPieces = 8192;
  const Range full = with_zero(histogram.min(), histogram.max());
  const double lo = full.lo, span = static_cast<double>(full.hi) - lo;
  std::vector<float> list;
  for (int i = 0; i <= kPieces; ++i) list.push_back(static_cast<float>(lo + span * i / kPieces));
  return list;
}

Curve::Curve(const std::vector<float>& points, std::vector<float> values)
    : lo_(points.front()),
      step_((static_cast<double>(points.back()) - lo_) / static_cast<double>(points.size() - 1)),
      values_(std::move(values)) {}

double Curve::operator()(double x) const {
  if (!(step_ > 0)) return values_[0];
  const auto last = static_cast<double>(values_.size() - 1);
  const double at = std::clamp((x - lo_) / step_, 0.0, last);
  const auto i = static_cast<size_t>(std::min(std::floor(at), last - 1));
  const double share = at - static_cast<double>(i);
  return static_cast<double>(values_[i]) * (1 - share) + static_cast<double>(values_[i + 1]) * share;
}

Range choose_range(const Histogram& h, const RangeOptions& options, int levels) {
  if (h.count() == 0) return {0, 0};
  if (options.method == "mse") return by_error(h, levels, options.clip, options.seen_through);
  if (options.method == "entropy") return by_entropy(h, levels);
  if (options.method == "percentile") {
    const double outside = (100 - options.percentile) / 200;
    return with_zero(h.quantile(outside), h.quantile(1 - outside));
  }
  return with_zero(h.min(), h.max());
}

bool has_fixed_range(const Value& value) {
  const Node* n = value.producer;
  return n && n->integer && (n->is("Softmax") || n->is("Sigmoid") || n->is("Tanh"));
}

double range_error(const Histogram& h, Range range, int levels) {
  return h.count() ? total_error(points_of(h), grid_of(range.lo, range.hi, levels)) / static_cast<double>(h.count()) : 0;
}

Quant wide_quant(Range range) {
  Quant q;
  q.storage = BT_I16;
  q.bits = 16;
  const float top = std::max(std::fabs(range.lo), std::fabs(range.hi));
  const float scale = top / 32767.0f;
  q.scale = {scale >= 1e-30f && std::isfinite(scale) ? scale : 1.0f};
  q.zero = {0};
  return q;
}

Quant quant_for_range(Range range, DType storage) {
  Quant q;
  q.storage = storage;
  q.bits = bt_dtype_bits(storage);
  const auto lo = static_cast<double>(q.lo()), hi = static_cast<double>(q.hi());
  const double span = static_cast<double>(range.hi) - static_cast<double>(range.lo);
  double scale = span / (hi - lo);
  if (!(scale >= 1e-30) || !std::isfinite(scale)) scale = 1;
  const auto rounded = static_cast<float>(scale);
  const double zero = std::clamp(std::nearbyint(lo - static_cast<double>(range.lo) / static_cast<double>(rounded)), lo, hi);
  q.scale = {rounded};
  q.zero = {static_cast<int32_t>(zero)};
  return q;
}

}  // namespace bantam
