// SPDX-License-Identifier: Apache-2.0
#include "quant/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace bantam {
namespace {

constexpr int kShift = 23 - 5;  // 5 bits of the fraction stay
static_assert(Histogram::kPerOctave == 1 << 5);
constexpr int32_t kFirst = (127 + Histogram::kLowest) << 5;  // key of the lowest bin

// Bin of a magnitude: 0 for (almost) zero, then 1..kSide.
int bin_of(uint32_t magnitude_bits) {
  const int32_t key = static_cast<int32_t>(magnitude_bits >> kShift) - kFirst + 1;
  return std::clamp(key, 0, Histogram::kSide);
}

double lower_edge(int bin) { return bin == 0 ? 0 : std::ldexp(1.0 + ((bin - 1) % 32) / 32.0, Histogram::kLowest + (bin - 1) / 32); }

}  // namespace

void Histogram::add(std::span<const float> values) {
  if (counts_.empty()) counts_.assign(2 * kSide + 1, 0);
  float lo = INFINITY, hi = -INFINITY;
  uint64_t bad = 0;
  for (const float v : values) {
    const auto bits = std::bit_cast<uint32_t>(v);
    const uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude >= 0x7F800000u) {
      ++bad;
      continue;
    }
    lo = v < lo ? v : lo;
    hi = v > hi ? v : hi;
    const int bin = bin_of(magnitude);
    ++counts_[static_cast<size_t>(bits >> 31 ? kSide - bin : kSide + bin)];
  }
  const uint64_t good = values.size() - bad;
  if (good > 0) {
    min_ = count_ ? std::min(min_, lo) : lo;
    max_ = count_ ? std::max(max_, hi) : hi;
  }
  count_ += good;
  not_finite_ += bad;
}

void Histogram::merge(const Histogram& other) {
  not_finite_ += other.not_finite_;
  if (other.count_ == 0) return;
  if (counts_.empty()) counts_.assign(2 * kSide + 1, 0);
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  min_ = count_ ? std::min(min_, other.min_) : other.min_;
  max_ = count_ ? std::max(max_, other.max_) : other.max_;
  count_ += other.count_;
}

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> out;
  for (int i = 0; i < static_cast<int>(counts_.size()); ++i) {
    const uint64_t n = counts_[static_cast<size_t>(i)];
    if (n == 0) continue;
    const int bin = std::abs(i - kSide);
    double lo = lower_edge(bin), hi = bin == 0 ? 0 : lower_edge(bin + 1);
    if (i < kSide) {
      std::swap(lo, hi);
      lo = -lo, hi = -hi;
    }
    // the outermost bins end where the data ends
    lo = std::max(lo, static_cast<double>(min_));
    hi = std::max(lo, std::min(hi, static_cast<double>(max_)));
    out.push_back({(lo + hi) / 2, hi - lo, n});
  }
  return out;
}

double Histogram::quantile(double fraction) const {
  const double wanted = fraction * static_cast<double>(count_);
  double below = 0;
  for (const Bin& b : bins()) {
    const auto n = static_cast<double>(b.count);
    if (below + n >= wanted) return b.value - b.width / 2 + b.width * std::clamp((wanted - below) / n, 0.0, 1.0);
    below += n;
  }
  return static_cast<double>(max_);
}

}  // namespace bantam
