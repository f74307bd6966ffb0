// SPDX-License-Identifier: Apache-2.0
// How long the code of lib/runtime/adaptive.h will be, without coding: a tenth of the time.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace bantam {

// Bytes that the numbers symbol - zero take, by shades 0, 1 and 2: within a hundredth, and closer
// to each other. `row` as in encode_adaptive. The same on every machine.
std::array<double, 3> adaptive_bytes(std::span<const uint32_t> symbols, uint32_t zero, size_t row);

}  // namespace bantam
