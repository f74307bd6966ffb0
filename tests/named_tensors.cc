// SPDX-License-Identifier: Apache-2.0
#include "named_tensors.h"

#include "ir/text.h"

namespace bantam {

Result<NamedTensors> parse_tensors(const std::string& text, const Graph* graph) {
  Lexer lex(text, "//", false);
  NamedTensors out;
  while (lex.peek().kind != Token::end) {
    TRY(lex.expect("%"));
    const std::string name = lex.take().value;
    TypeText type;
    if (lex.accept(":")) {
      TRY(type, parse_type(lex, graph->symbols()));
    } else {
      const Value* v = graph->find(name);
      if (!v || !v->shape) return lex.error("no graph value " + name);
      type = {v->dtype, v->shape};
    }
    TRY(lex.expect("="));
    TRY(Tensor t, parse_elements(lex, type.dtype, *type.shape));
    out.emplace_back(name, std::move(t));
  }
  return out;
}

}  // namespace bantam
