// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <sodium.h>

namespace bantam {

Hash hash_of(const void* data, size_t size) {
  // Chooses the implementation for this CPU; without it the portable one runs, half as fast.
  [[maybe_unused]] static const int ready = sodium_init();
  Hash hash{};
  static const uint8_t kEmpty = 0;
  crypto_generichash(hash.data(), hash.size(), size ? static_cast<const uint8_t*>(data) : &kEmpty,
                     size, nullptr, 0);
  return hash;
}

std::string hex(const Hash& hash, size_t n) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < n; ++i) {
    out += kDigits[hash[i] >> 4];
    out += kDigits[hash[i] & 15];
  }
  return out;
}

}  // namespace bantam
