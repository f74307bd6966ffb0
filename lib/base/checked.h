// SPDX-License-Identifier: Apache-2.0
// Size arithmetic on numbers that come from files: overflow is reported, never wrapped.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>

namespace bantam {

inline std::optional<int64_t> checked_mul(int64_t a, int64_t b) {
  int64_t product = 0;
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}
inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  if (a > std::numeric_limits<uint64_t>::max() - b) return std::nullopt;
  return a + b;
}
// Product of lengths, none negative; empty where one is, or where the product does not fit.
inline std::optional<int64_t> checked_count(std::span<const int64_t> dims) {
  int64_t n = 1;
  bool zero = false, overflow = false;
  for (const int64_t d : dims) {
    if (d < 0) return std::nullopt;
    if (d == 0) zero = true;
    else if (__builtin_mul_overflow(n, d, &n)) overflow = true;
  }
  if (zero) return 0;
  if (overflow) return std::nullopt;
  return n;
}

}  // namespace bantam
