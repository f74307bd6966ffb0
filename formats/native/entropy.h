// SPDX-License-Identifier: Apache-2.0
// Encoders for the two entropy coders of .btm files; the decoders are lib/runtime/rans.c and adaptive.c.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace bantam {

// Static rANS. Symbols lie in 0..255; at least one.
std::vector<uint8_t> encode_rans(std::span<const uint8_t> symbols);

// Adaptive binary range coder. Symbols lie in 0..65535. `zero` is the symbol that stands for nothing (a
// weight of 0, or the most frequent one); `row` the distance to the neighbour in the row above, or 0.
std::vector<uint8_t> encode_adaptive(std::span<const uint16_t> symbols, uint32_t zero, size_t row);

// Length of the ideal static code in bytes, without the table: the entropy of the symbols.
double entropy_bytes(std::span<const uint16_t> symbols);

}  // namespace bantam
