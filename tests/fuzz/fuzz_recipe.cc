// SPDX-License-Identifier: Apache-2.0
// The parser of recipes: what it accepts expands to a text that parses, and expands to itself.
#include "fuzz/fuzz.h"
#include "pass/recipe.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bantam;
  const Bytes copy = fuzz::bytes_of(data, size);
  const auto steps = parse_recipe(copy.text(), false);
  if (fuzz::refused(steps)) return 0;
  const auto text = expand_recipe(*steps);
  if (fuzz::refused(text)) return 0;
  const auto again = parse_recipe(*text, true);
  if (!again.ok()) fuzz::fail("the expanded recipe does not parse: " + again.error().message + "\n" + *text);
  const auto twice = expand_recipe(*again);
  if (!twice.ok() || *twice != *text) fuzz::fail("the expanded recipe expands differently:\n" + *text);
  return 0;
}
