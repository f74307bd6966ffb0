// SPDX-License-Identifier: Apache-2.0
// ONNX models written as text, for tests. The form follows that of the IR (docs/ir.md):
//
//   ir 10                                  IR version; 10 where it is not given
//   opset 13                               of the default domain
//   opset 1 "com.microsoft"
//   in %x : f32[2,N]
//   init %w : f32[2] = [1, 2]
//   sparse %s : f32[2,3] [1, 5] = [7, 8]   flat indices, then values
//   external %e : f32[2] {location = "e.bin", offset = "8"}
//   %y, _ = com.microsoft:FusedConv(%x, _) {group = 1, alpha = 0.5, then_branch = body { ... }} @name
//   out %y : f32[2]                        the type may be left out
//   function my:F(%a) gives (%b) { attr slope attr power = 2.0 opset 13 %b = Elu(%a) {alpha = $slope} }
//
// A number is a float where it is written with a point or an exponent. Lists take the kind of their
// first element. `f32[2] [1, 2]` is a tensor, `body { ... }` a graph, `$name` an attribute of the function.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace bantam {

// The bytes of the .onnx file.
Result<std::string> onnx_from_text(std::string_view text);

}  // namespace bantam
