// SPDX-License-Identifier: Apache-2.0
// Text for people: names made safe to print, suggestions for misspelt words, sizes and counts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bantam {

// A name out of a file, safe for a terminal, a log and a report: quoted, one line, control bytes and
// anything that is not printable UTF-8 as \xNN, direction overrides as \u{NNNN}; cut at 120 bytes.
std::string quote(std::string_view name);
// The same without the quotes and the cut.
std::string printable(std::string_view name);

// Number of single-character edits (insert, remove, replace, swap neighbours) from a to b.
int edit_distance(std::string_view a, std::string_view b);
// `; did you mean "x"?` with the nearest candidate, or "" where none is near.
std::string suggestion(std::string_view word, std::span<const std::string> candidates);

// "1.20 MB", "312 kB", "17 B": decimal units, three digits.
std::string human_bytes(uint64_t bytes);
// "1.24 M", "312 k": counts.
std::string human_count(double n);

std::vector<std::string> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);

// The shortest decimal text that reads back as the same number; "inf", "-inf", "nan".
std::string shortest(float value);
std::string shortest(double value);

// Whole text must be one number.
bool parse_int(std::string_view text, int64_t* value);
bool parse_double(std::string_view text, double* value);

// A name that every file system takes: characters outside [A-Za-z0-9._+-] become '_'.
std::string file_name(std::string_view name);

}  // namespace bantam
