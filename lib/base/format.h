// SPDX-License-Identifier: Apache-2.0
// Text formatting: formatted("{} of {}", a, b) works as fmt::format does; it is compiled once (base/format.cc), so that the
// program needs no libfmt at run time and other files only pay for fmt's small core header.
#pragma once

#include <fmt/core.h>

#include <string>

namespace bantam {

std::string format_text(fmt::string_view pattern, fmt::format_args args);

template <typename... T>
std::string formatted(fmt::format_string<T...> pattern, T&&... args) {
  return format_text(pattern, fmt::make_format_args(args...));
}

}  // namespace bantam
