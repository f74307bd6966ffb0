// SPDX-License-Identifier: Apache-2.0
// How each operator of the IR is written. The functions lie in operators_*.cc by kind, their names
// in one table (operators.cc); what needs other operators first is spelled out before (fit.h).
#pragma once

#include <span>

#include "formats/tflite/emitter.h"

namespace bantam {

// Writes the operators for one node. An error of code unsupported says why there are none, and what
// to do.
using EmitNode = Result<void> (*)(Emitter& e, const Node& n);
struct OperatorRow {
  const char* name;
  EmitNode emit;
};

std::span<const OperatorRow> product_rows();
std::span<const OperatorRow> arithmetic_rows();
std::span<const OperatorRow> function_rows();
std::span<const OperatorRow> move_rows();
std::span<const OperatorRow> index_rows();
std::span<const OperatorRow> reduce_rows();
std::span<const OperatorRow> image_rows();

// Null where the format has nothing for an operator.
EmitNode emitter_of(const Node& n);

}  // namespace bantam
