// SPDX-License-Identifier: Apache-2.0
// What stands in a .tflite file, as text: one line per operator.
#pragma once

#include <string>

#include "base/bytes.h"

namespace bantam {

//   CONV_2D v3 SAME 2x2 RELU6 (x : i8[1,8,8,3], w : i8[4,3,3,3], b : i32[4]) -> y : i8[1,4,4,4]
std::string tflite_text(const Bytes& file);

}  // namespace bantam
