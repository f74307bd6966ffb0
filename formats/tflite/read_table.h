// SPDX-License-Identifier: Apache-2.0
// Tables that stand for functions of quantized values.
#pragma once

#include "formats/tflite/read_operators.h"

namespace bantam {

// CAST(x) + 128 as the index of a GATHER in 256 constants: the function of the IR that has those
// results, where there is one. True: it was found, and makes the output.
Result<bool> read_function_table(OperatorReader& r);

}  // namespace bantam
