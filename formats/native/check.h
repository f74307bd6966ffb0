// SPDX-License-Identifier: Apache-2.0
// Opens a .btm file as a device does and runs its test vectors.
#pragma once

#include <cstddef>

#include "base/result.h"

namespace bantam {

struct SelfTest {
  int vectors = 0, wrong = 0;  // wrong: they give other bits than where the file was made
};

// Fails as the runtime does: a file that does not open or run, or takes more than eval/test_vectors.h allows.
Result<SelfTest> self_test(const void* file, size_t size, int threads = 1);

}  // namespace bantam
