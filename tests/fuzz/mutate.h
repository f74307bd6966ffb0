// SPDX-License-Identifier: Apache-2.0
// Seeded mutants of protobuf files: the same seed gives the same mutant on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace bantam::fuzz {

// One to four changes of `file`: bytes flipped, a piece cut off or copied elsewhere, and, mostly, edits of
// one field (a number made extreme, a field removed, doubled, swapped, emptied, retyped) with the lengths
// of all messages around it put right, so that the change reaches deep checks.
std::vector<uint8_t> mutate(const std::vector<uint8_t>& file, Random& random);

}  // namespace bantam::fuzz
