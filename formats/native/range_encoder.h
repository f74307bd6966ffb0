// SPDX-License-Identifier: Apache-2.0
// The binary range encoder of all adaptive coders. Carries are handled as in LZMA: a byte is held back
// while it may still grow by one.
#pragma once

#include <cstdint>
#include <vector>

namespace bantam {

class RangeEncoder {
 public:
  // A 1 has the probability p / 65536. Without a branch on the bit, which nobody could predict.
  void bit(uint32_t p, int bit) {
    const uint32_t bound = (range_ >> 16) * p, is_zero = static_cast<uint32_t>(bit) - 1;  // all ones, or none
    low_ += bound & is_zero;
    range_ = (bound & ~is_zero) | ((range_ - bound) & is_zero);
    refill();
  }
  // The n lowest bits of v, at most 16, of which nothing is known.
  void flat(int n, uint32_t v) {
    range_ >>= n;
    low_ += uint64_t{v} * range_;
    refill();
  }
  // Zeros at the end, four at the most, are left out: the decoder supplies them.
  std::vector<uint8_t> finish() {
    low_ = (low_ + 0xFFFFFF) & ~uint64_t{0xFFFFFF};  // still within the range, which is larger
    for (int i = 0; i < 5; ++i) shift();
    std::vector<uint8_t> out(bytes_.begin() + 1, bytes_.end());  // the first byte is always 0
    for (int i = 0; i < 4 && !out.empty() && out.back() == 0; ++i) out.pop_back();
    return out;
  }

 private:
  void refill() {
    while (range_ < (1u << 24)) {
      range_ <<= 8;
      shift();
    }
  }
  void shift() {
    if (low_ < 0xFF000000u || low_ >= (uint64_t{1} << 32)) {
      const auto carry = static_cast<uint8_t>(low_ >> 32);
      if (has_held_) bytes_.push_back(static_cast<uint8_t>(held_ + carry));
      for (; pending_ > 0; --pending_) bytes_.push_back(static_cast<uint8_t>(0xFF + carry));
      held_ = static_cast<uint8_t>(low_ >> 24);
      has_held_ = true;
    } else {
      ++pending_;
    }
    low_ = (low_ & 0x00FFFFFFu) << 8;
  }

  uint64_t low_ = 0;
  uint32_t range_ = 0xFFFFFFFFu;
  uint8_t held_ = 0;
  bool has_held_ = true;  // LZMA's first, empty byte
  uint64_t pending_ = 0;
  std::vector<uint8_t> bytes_;
};

}  // namespace bantam
