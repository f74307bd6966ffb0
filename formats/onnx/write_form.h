// SPDX-License-Identifier: Apache-2.0
// Operators whose ONNX form differs from the IR's, or changed between the opsets that can be written.
#pragma once

#include "formats/onnx/write_graph.h"

namespace bantam {

// Brings the call of a node to the form of the attempt's opset: changes operator, inputs and attributes, and may
// emit nodes in front.
struct OnnxForm {
  const char* op;
  void (*run)(OnnxGraphWriter& writer, const Node& node, OnnxCall& call);
};
// One table per file; the last entry has no op.
extern const OnnxForm integer_forms[], expanded_forms[], older_forms[];

void to_onnx_form(OnnxGraphWriter& writer, const Node& node, OnnxCall& call);

// Raises the attempt's `needed` to the opset that knows the operator with these types and attributes.
void need_opset(OnnxAttempt& attempt, const Node& node, const OnnxCall& call);

}  // namespace bantam
