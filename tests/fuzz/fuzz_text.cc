// SPDX-License-Identifier: Apache-2.0
// The parser of the graph text: what it accepts prints to a text that parses to the same text.
#include "fuzz/fuzz.h"
#include "ir/text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace bantam;
  const Bytes copy = fuzz::bytes_of(data, size);
  const auto graph = parse_graph(copy.text());
  if (fuzz::refused(graph)) return 0;
  const PrintOptions full = {.full = true};
  const std::string text = print(*graph, full);
  const auto again = parse_graph(text);
  if (!again.ok()) fuzz::fail("the printed graph does not parse: " + again.error().message + "\n" + text);
  if (print(*again, full) != text) fuzz::fail("the printed graph prints differently:\n" + text);
  return 0;
}
