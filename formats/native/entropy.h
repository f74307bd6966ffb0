// SPDX-License-Identifier: Apache-2.0
// Encoders for the entropy coders of .btm files; the decoders are lib/runtime/rans.c, adaptive.c and
// mixture.c.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace bantam {

// Static rANS. Symbols lie in 0..255; at least one.
std::vector<uint8_t> encode_rans(std::span<const uint8_t> symbols);

// Adaptive coder of numbers. `zero` is the symbol that stands for nothing (a weight of 0, or one in the
// middle); `row` the distance to the neighbour in the row above, or 0, at most the number of symbols.
std::vector<uint8_t> encode_adaptive(std::span<const uint32_t> symbols, uint32_t zero, size_t row);
// The same where it is shorter than `limit` bytes. For few numbers no rows at all are tried as well; of many
// numbers the first ones decide whether it may be.
std::optional<std::vector<uint8_t>> encode_adaptive_within(size_t limit, std::span<const uint32_t> symbols, uint32_t zero, size_t row);

// Adaptive coder of bytes of any kind.
std::vector<uint8_t> encode_mixture(std::span<const uint8_t> bytes);

// Length of the ideal static code in bytes, without the table: the entropy of the symbols.
double entropy_bytes(std::span<const uint32_t> symbols);

}  // namespace bantam
