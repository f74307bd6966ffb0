// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <utility>

namespace bantam {

double take_byte_unit(std::string_view* text) {
  static constexpr std::pair<std::string_view, double> kUnits[] = {
      {"KiB", 1024}, {"MiB", 1048576}, {"KB", 1e3}, {"kB", 1e3}, {"MB", 1e6}, {"B", 1}};
  for (const auto& [suffix, bytes] : kUnits) {
    if (!text->ends_with(suffix)) continue;
    text->remove_suffix(suffix.size());
    return bytes;
  }
  return 0;
}

}  // namespace bantam
