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

// Counts by the top bits alone, which go to their bins at the end. Neighbours are often equal (the zeros behind
// a Relu): two tables and two ranges let one count go on while the other is not stored yet.
Histogram::Seen Histogram::count_many(std::span<const float> values) {
  constexpr size_t kKeys = size_t{1} << (32 - kShift);
  std::vector<uint32_t> even(kKeys), odd(kKeys);
  float lo[2] = {INFINITY, INFINITY}, hi[2] = {-INFINITY, -INFINITY};
  for (size_t i = 0; i + 1 < values.size(); i += 2) {
    const float a = values[i], b = values[i + 1];
    ++even[std::bit_cast<uint32_t>(a) >> kShift];
    ++odd[std::bit_cast<uint32_t>(b) >> kShift];
    lo[0] = a < lo[0] ? a : lo[0], lo[1] = b < lo[1] ? b : lo[1];
    hi[0] = a > hi[0] ? a : hi[0], hi[1] = b > hi[1] ? b : hi[1];
  }
  Seen seen{std::min(lo[0], lo[1]), std::max(hi[0], hi[1]), 0};
  for (size_t key = 0; key < kKeys; ++key) {
    const uint64_t n = uint64_t{even[key]} + odd[key];
    const auto bits = static_cast<uint32_t>(key << kShift);
    if (n == 0) continue;
    if ((bits & kMagnitude) >= kInfinity) seen.not_finite += n;
    else counts_[place_of(bits)] += n;
  }
  return seen;
}

void Histogram::add(std::span<const float> values) {
  constexpr size_t kMany = 16384, kMost = size_t{1} << 30;  // from where on tables are worth it; what they can count
  widen();
  for (; values.size() > kMost; values = values.subspan(kMost)) add(values.first(kMost));
  const size_t many = values.size() < kMany ? 0 : values.size() / 2 * 2;
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
