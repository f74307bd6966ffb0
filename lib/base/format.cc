// SPDX-License-Identifier: Apache-2.0
#define FMT_HEADER_ONLY
#include "base/format.h"

#include <fmt/format.h>

namespace bantam {

std::string format_text(fmt::string_view pattern, fmt::format_args args) {
  return fmt::vformat(pattern, args);
}

}  // namespace bantam
