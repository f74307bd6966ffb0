// SPDX-License-Identifier: Apache-2.0
// Distribution of a value over all calibration samples. The bins do not depend on the data (they are the
// top bits of the float), counts are integers, so histograms add up exactly: the result is the same for
// every order of samples, every split into shards and every number of threads, and its size is fixed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bantam {

class Histogram {
 public:
  // 32 bins per power of two from 2^-40 to 2^24, for either sign; smaller magnitudes count as 0.
  static constexpr int kPerOctave = 32, kLowest = -40, kOctaves = 64;
  static constexpr int kSide = kPerOctave * kOctaves;  // bins of one sign

  void add(std::span<const float> values);
  void merge(const Histogram& other);
  // Gives back the memory of bins outside of what was seen.
  void trim();

  uint64_t count() const { return count_; }     // finite values
  uint64_t not_finite() const { return not_finite_; }
  float min() const { return min_; }            // of finite values; 0 where there are none
  float max() const { return max_; }

  struct Bin {
    double value;    // the middle
    double width;
    uint64_t count;
  };
  // Bins that hold something, in ascending order of values.
  std::vector<Bin> bins() const;
  // The value below which a fraction of all finite values lies.
  double quantile(double fraction) const;

 private:
  struct Seen {  // of some values
    float lo, hi;
    uint64_t not_finite;
  };
  Seen count_few(std::span<const float> values);
  Seen count_many(std::span<const float> values);
  void widen();

  // Of 2 * kSide + 1 bins: negative (large to small), zero, positive; those before first_ and behind
  // the last are empty.
  std::vector<uint64_t> counts_;
  size_t first_ = 0;
  uint64_t count_ = 0, not_finite_ = 0;
  float min_ = 0, max_ = 0;
};

}  // namespace bantam
