// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/operators.h"

namespace bantam {

EmitNode emitter_of(const Node& n) {
  for (const auto rows : {product_rows(), arithmetic_rows(), function_rows(), move_rows(),
                          index_rows(), reduce_rows(), image_rows()})
    for (const OperatorRow& row : rows)
      if (n.is(row.name)) return row.emit;
  return nullptr;
}

}  // namespace bantam
