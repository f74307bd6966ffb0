// SPDX-License-Identifier: Apache-2.0
// The text form of a graph (docs/ir.md), for tests, dumps and diffs.
#pragma once

#include <string>
#include <string_view>

#include "base/lexer.h"
#include "base/result.h"
#include "ir/graph.h"

namespace bantam {

struct PrintOptions {
  bool full = false;        // all elements of long constants; otherwise a hash and the range
  int64_t longest = 16;     // elements that are written out anyway
  bool names = true;        // node names that differ from their first output
};
std::string print(const Graph& graph, const PrintOptions& options = {});

// Errors have code usage and start with line and column.
Result<Graph> parse_graph(std::string_view text);
// The same out of a longer text: reads one graph and leaves the lexer behind it.
Result<Graph> parse_graph(Lexer& lexer, const std::shared_ptr<Symbols>& symbols);
// "f32[2,3]" and then, in another call, the elements: nested lists, splat(v), random(seed=7, lo=-1, hi=1).
struct TypeText {
  DType dtype = BT_F32;
  std::optional<Shape> shape;
};
Result<TypeText> parse_type(Lexer& lexer, Symbols& symbols);
Result<Tensor> parse_elements(Lexer& lexer, DType dtype, const Shape& shape);

// A value's name as the text form writes it: %x, %"odd name".
std::string name_text(std::string_view name);
std::string elements_text(const Tensor& tensor);

}  // namespace bantam
