// SPDX-License-Identifier: Apache-2.0
// Units of bytes, as people write them: "400KB".
#pragma once

#include <string_view>

namespace bantam {

// Takes B, kB, KB, MB, KiB or MiB off the end of a text; what it stands for, or 0 where there is none.
double take_byte_unit(std::string_view* text);

}  // namespace bantam
