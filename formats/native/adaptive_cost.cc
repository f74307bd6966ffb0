// SPDX-License-Identifier: Apache-2.0
// A probability that moves by 1 / (seen + 2) is the estimator of Krichevsky and Trofimov: what it
// takes for the bits of one context depends on how many zeros and ones there are, not on their
// order. From BT_LIKELY_SEEN bits on it follows at a fixed rate, and takes their entropy and a
// little more. So it is enough to count the numbers by expected size and leading digits, in the
// finest contexts, of which the coarser ones are sums.
#include "formats/native/adaptive_cost.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "kernels/math_f64.h"
#include "runtime/adaptive.h"

namespace bantam {
namespace {

constexpr uint32_t kShades = 2;  // the finest
constexpr size_t kClasses = BT_ADAPTIVE_CLASSES, kDigits = BT_ADAPTIVE_DIGITS;

struct Bits {
  uint32_t zeros = 0, ones = 0;
  void operator+=(const Bits& b) { zeros += b.zeros, ones += b.ones; }
};

class BitCost {
 public:
  BitCost() {
    const auto log2 = [](double x) { return bt_log(x) / bt_log(2.0); };
    for (size_t i = 0; i < kMost; ++i) {
      const auto x = static_cast<double>(i);
      halves_[i + 1] = halves_[i] + log2(x + 0.5);
      wholes_[i + 1] = wholes_[i] + log2(x + 1.0);
    }
    for (size_t i = 1; i < kMost; ++i) {
      const double p = static_cast<double>(i) / kMost;
      entropy_[i] = -p * log2(p) - (1 - p) * log2(1 - p);
    }
  }

  // In bits.
  double operator()(const Bits& b) const {
    const uint64_t n = uint64_t{b.zeros} + b.ones;
    if (n == 0) return 0;
    if (n <= kMost) return wholes_[n] - halves_[b.zeros] - halves_[b.ones];
    constexpr double kFollowing = 0.00072;  // 1 / (4 ln 2 (kMost + 2)) bits for each
    const double share = static_cast<double>(b.ones) * kMost / static_cast<double>(n);
    const size_t i = std::min(static_cast<size_t>(share), kMost - 1);
    const double part = share - static_cast<double>(i);
    const double each = entropy_[i] + part * (entropy_[i + 1] - entropy_[i]) + kFollowing;
    const auto ones = static_cast<size_t>(share + 0.5);
    return wholes_[kMost] - halves_[kMost - ones] - halves_[ones] +
           static_cast<double>(n - kMost) * each;
  }

 private:
  static constexpr size_t kMost = BT_LIKELY_SEEN;
  std::array<double, kMost + 1> halves_{}, wholes_{}, entropy_{};
};

// Numbers of one expected size, by their digits and the two behind the leading 1: see leading().
using Sizes = std::array<uint32_t, 4 * (kDigits + 1)>;

// 4 times the digits, and the two behind the leading 1.
size_t leading(uint32_t size) {
  const auto digits = static_cast<size_t>(std::bit_width(size));
  return digits ? digits * 4 + (uint64_t{size} << 2 >> (digits - 1) & 3) : 0;
}

// By table where it is made for it: nearly always, and then quicker.
template <typename F, size_t N>
class Table {
 public:
  explicit Table(F f) : f_(f) {
    for (size_t x = 1; x < N; ++x) known_[x] = static_cast<uint8_t>(f(static_cast<uint32_t>(x)));
  }
  size_t operator()(uint32_t x) const { return x < N ? known_[x] : static_cast<size_t>(f_(x)); }

 private:
  F f_;
  std::array<uint8_t, N> known_{};
};

// What the contexts of one class are asked: those of bt_adaptive_model.
struct Questions {
  std::array<Bits, kDigits> more;
  std::array<std::array<Bits, 3>, kDigits + 1> first;
};

// See bt_adaptive_digits: questions go up or down from `start`.
void ask(const Sizes& sizes, size_t start, Questions& q) {
  uint32_t up = 0, down = 0;  // numbers that have more digits than asked for; that have no more
  std::array<uint32_t, kDigits + 1> n{};
  for (size_t d = 0; d <= kDigits; ++d) {
    const uint32_t* two = &sizes[4 * d];
    n[d] = two[0] + two[1] + two[2] + two[3];
    (d > start ? up : down) += n[d];
    if (d >= 2) q.first[d][0] += {two[0] + two[1], two[2] + two[3]};
    if (d >= 3) q.first[d][1] += {two[0], two[1]}, q.first[d][2] += {two[2], two[3]};
  }
  q.more[start] += {down, up};
  for (size_t d = start + 1; d < kDigits && up > 0; ++d) {
    q.more[d] += {n[d], up - n[d]};
    up -= n[d];
  }
  for (size_t d = start; d > 0 && down > 0; --d) {
    q.more[d - 1] += {down - n[d], n[d]};
    down -= n[d];
  }
}

double cost_of(const Questions& q, const BitCost& cost) {
  double bits = 0;
  for (const Bits& b : q.more) bits += cost(b);
  for (const auto& three : q.first)
    for (const Bits& b : three) bits += cost(b);
  return bits;
}

}  // namespace

std::array<double, 3> adaptive_bytes(std::span<const uint32_t> symbols, uint32_t zero, size_t row) {
  static const BitCost cost;
  static const Table<size_t (*)(uint32_t), 256> leading_of(leading);
  static const Table<uint32_t (*)(uint32_t), 4096> octaves_of(bt_octaves);
  std::vector<uint32_t> column(row + 1);
  std::vector<Sizes> sizes(kClasses);
  bt_adaptive_sizes averages = bt_adaptive_no_sizes(column.data(), row);
  Bits minus;
  double flat = 0;
  for (const uint32_t s : symbols) {
    const uint32_t size = s < zero ? zero - s : s - zero;
    // as bt_adaptive_expected does it
    const uint32_t c = row ? averages.column[averages.place] : UINT32_MAX;
    const size_t before = octaves_of(averages.before + 2),
                 expected = before + (c == UINT32_MAX ? before : octaves_of(c + 2));
    ++sizes[expected * kShades >> 4][leading_of(size)];
    minus.ones += s < zero;
    bt_adaptive_learn(&averages, size);
  }
  // Of shades 2, 1 and 0: classes are told apart by half octaves, by octaves, not at all.
  std::array<double, 3> bytes{};
  Questions all{}, octave{};
  for (size_t k = 0; k < kClasses; ++k) {
    if (sizes[k] != Sizes{}) {
      const size_t start = k < 8 ? 0 : k / 2 - 4;
      Questions own{};
      for (Questions* q : {&own, &octave, &all}) ask(sizes[k], start, *q);
      bytes[2] += cost_of(own, cost);
    }
    if (k % 2) bytes[1] += cost_of(octave, cost), octave = {};
    minus.zeros -= sizes[k][0];
    for (size_t i = 4 * 4; i < sizes[k].size(); ++i)
      flat += static_cast<double>(i / 4 - 3) * sizes[k][i];
  }
  bytes[0] = cost_of(all, cost);
  minus.zeros += static_cast<uint32_t>(symbols.size()) - minus.ones;  // without those that are 0
  for (double& b : bytes) b = (b + cost(minus) + flat) / 8;
  return bytes;
}

}  // namespace bantam
