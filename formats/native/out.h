// SPDX-License-Identifier: Apache-2.0
// Bytes of a .btm file in the making: the numbers of docs/native_format.md.
#pragma once

#include <bit>
#include <cstring>
#include <vector>

#include "base/bytes.h"

namespace bantam {

class Out {
 public:
  std::vector<uint8_t> bytes;
  void byte(uint64_t v) { bytes.push_back(static_cast<uint8_t>(v)); }
  void le(uint64_t v, int n) { store_le(bytes, v, n); }
  void varint(uint64_t v) {
    for (; v >= 0x80; v >>= 7) byte(v | 0x80);
    byte(v);
  }
  void zigzag(int64_t v) { varint(static_cast<uint64_t>(v) << 1 ^ static_cast<uint64_t>(v >> 63)); }
  void real(float f) { le(std::bit_cast<uint32_t>(f), 4); }
  void text(const char* s) {
    const size_t n = std::strlen(s);
    varint(n);
    bytes.insert(bytes.end(), s, s + n);
  }
  void append(const std::vector<uint8_t>& more) { bytes.insert(bytes.end(), more.begin(), more.end()); }
};

}  // namespace bantam
