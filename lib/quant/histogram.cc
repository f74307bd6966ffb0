// SPDX-License-Identifier: Apache-2.0
#include "quant/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>

namespace bantam {
namespace {

constexpr int kShift = 23 - 5;  // 5 bits of the fraction stay
static_assert(Histogram::kPerOctave == 1 << 5);
constexpr int32_t kFirst = (127 + Histogram::kLowest) << 5;  // key of the lowest bin

constexpr uint32_t kMagnitude = 0x7FFFFFFFu, kInfinity = 0x7F800000u;

// Where a finite float is counted: its magnitude has bin 0 for (almost) zero, then 1..kSide.
size_t place_of(uint32_t bits) {
  const int32_t key = static_cast<int32_t>((bits & kMagnitude) >> kShift) - kFirst + 1;
  const int bin = std::clamp(key, 0, Histogram::kSide);
  return static_cast<size_t>(bits >> 31 ? Histogram::kSide - bin : Histogram::kSide + bin);
}

double lower_edge(int bin) { return bin == 0 ? 0 : std::ldexp(1.0 + ((bin - 1) % 32) / 32.0, Histogram::kLowest + (bin - 1) / 32); }

}  // namespace

Histogram::Seen Histogram::count_few(std::span<const float> values) {
  Seen seen{INFINITY, -INFINITY, 0};
  for (const float v : values) {
    const auto bits = std::bit_cast<uint32_t>(v);
    const uint32_t magnitude = bits & kMagnitude;
    if (magnitude >= kInfinity) {
      ++seen.not_finite;
      continue;
    }
    seen.lo = v < seen.lo ? v : seen.lo;
    seen.hi = v > seen.hi ? v : seen.hi;
    ++counts_[place_of(bits)];
  }
  return seen;
}

namespace {

constexpr size_t kLanes = 4;
constexpr size_t kKeys = size_t{1} << (32 - kShift);

// Counts by the top bits of floats, all 0 between two uses: clearing it, and looking for what it holds, would take
// as long as counting, were it not known where to look.
std::vector<uint32_t>& key_counts() {
  static thread_local std::vector<uint32_t> counts(kLanes * kKeys);
  return counts;
}

// Smallest and largest, by lanes that the compiler can make one instruction of.
struct Extremes {
  float lo[kLanes] = {INFINITY, INFINITY, INFINITY, INFINITY}, hi[kLanes] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
  void add(const float* v) {
    for (size_t k = 0; k < kLanes; ++k) lo[k] = v[k] < lo[k] ? v[k] : lo[k], hi[k] = v[k] > hi[k] ? v[k] : hi[k];
  }
};

}  // namespace

// Counts by the top bits alone, which go to their bins at the end. Neighbours are often equal (the zeros behind
// a Relu): four counts of each key let one go on while the other is not stored yet.
Histogram::Seen Histogram::count_many(std::span<const float> values) {
  uint32_t* counts = key_counts().data();
  Extremes extremes;
  for (size_t i = 0; i + kLanes <= values.size(); i += kLanes) {
    for (size_t k = 0; k < kLanes; ++k) ++counts[(std::bit_cast<uint32_t>(values[i + k]) >> kShift) * kLanes + k];
    extremes.add(&values[i]);
  }
  Seen seen{*std::min_element(extremes.lo, extremes.lo + kLanes), *std::max_element(extremes.hi, extremes.hi + kLanes), 0};
  const auto take = [&](uint32_t from, uint32_t to) {
    for (uint32_t key = from; key <= to; ++key) {
      uint32_t* lanes = counts + key * kLanes;
      const uint64_t n = std::accumulate(lanes, lanes + kLanes, uint64_t{0});
      if (n == 0) continue;
      const uint32_t bits = key << kShift;
      if ((bits & kMagnitude) >= kInfinity) seen.not_finite += n;
      else counts_[place_of(bits)] += n;
      std::fill(lanes, lanes + kLanes, 0);
    }
  };
  // All keys of a sign, from 0 to the largest magnitude; NaN may be anywhere behind infinity.
  constexpr uint32_t kSign = kKeys / 2, kBad = kInfinity >> kShift;
  const auto last = [](float v) { return (std::bit_cast<uint32_t>(v) & kMagnitude) >> kShift; };
  take(0, seen.hi > 0 ? std::min(last(seen.hi), kBad - 1) : 0);
  take(kSign, kSign + (seen.lo < 0 ? std::min(last(seen.lo), kBad - 1) : 0));
  take(kBad, kSign - 1);
  take(kSign + kBad, 2 * kSign - 1);
  return seen;
}

void Histogram::add(std::span<const float> values) {
  constexpr size_t kMany = 16384, kMost = size_t{1} << 30;  // from where on tables are worth it; what they can count
  widen();
  for (; values.size() > kMost; values = values.subspan(kMost)) add(values.first(kMost));
  const size_t many = values.size() < kMany ? 0 : values.size() / kLanes * kLanes;
  Seen seen = count_few(values.subspan(many));
  if (many > 0) {
    Seen more = count_many(values.first(many));
    if (more.not_finite > 0) {  // infinities are in its range
      more.lo = INFINITY, more.hi = -INFINITY;
      for (const float v : values.first(many))
        if (std::isfinite(v)) more.lo = std::min(more.lo, v), more.hi = std::max(more.hi, v);
    }
    seen = {std::min(seen.lo, more.lo), std::max(seen.hi, more.hi), seen.not_finite + more.not_finite};
  }
  const uint64_t good = values.size() - seen.not_finite;
  if (good > 0) {
    min_ = count_ ? std::min(min_, seen.lo) : seen.lo;
    max_ = count_ ? std::max(max_, seen.hi) : seen.hi;
  }
  count_ += good;
  not_finite_ += seen.not_finite;
}

void Histogram::merge(const Histogram& other) {
  not_finite_ += other.not_finite_;
  if (other.count_ == 0) return;
  widen();
  for (size_t i = 0; i < other.counts_.size(); ++i) counts_[other.first_ + i] += other.counts_[i];
  min_ = count_ ? std::min(min_, other.min_) : other.min_;
  max_ = count_ ? std::max(max_, other.max_) : other.max_;
  count_ += other.count_;
}

void Histogram::widen() {
  constexpr size_t kAll = 2 * kSide + 1;
  if (counts_.size() == kAll) return;
  std::vector<uint64_t> all(kAll);
  std::copy(counts_.begin(), counts_.end(), all.begin() + static_cast<std::ptrdiff_t>(first_));
  counts_ = std::move(all);
  first_ = 0;
}

void Histogram::trim() {
  const auto holds = [](uint64_t n) { return n > 0; };
  const auto begin = std::find_if(counts_.begin(), counts_.end(), holds);
  const auto end = std::find_if(counts_.rbegin(), std::make_reverse_iterator(begin), holds).base();
  first_ += static_cast<size_t>(begin - counts_.begin());
  counts_ = std::vector<uint64_t>(begin, end);
}

std::vector<Histogram::Bin> Histogram::bins() const {
  std::vector<Bin> out;
  for (int i = static_cast<int>(first_); i < static_cast<int>(first_ + counts_.size()); ++i) {
    const uint64_t n = counts_[static_cast<size_t>(i) - first_];
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
