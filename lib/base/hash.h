// SPDX-License-Identifier: Apache-2.0
// Content hashes: BLAKE2b with 16 or 32 bytes (libsodium).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace bantam {

using Hash = std::array<uint8_t, 32>;

Hash hash_of(const void* data, size_t size);
// Lower-case hexadecimal of the first n bytes.
std::string hex(const Hash& hash, size_t n = 32);

}  // namespace bantam
