// SPDX-License-Identifier: Apache-2.0
#include "formats/tflite/read_operators.h"

namespace bantam {

Error not_read(std::string reason) { return {Code::unsupported, std::move(reason)}; }

ReadOperator reader_of(tfl::BuiltinOperator code) {
  for (const auto rows :
       {read_product_rows(), read_arithmetic_rows(), read_function_rows(), read_move_rows(),
        read_slice_rows(), read_index_rows(), read_image_rows()})
    for (const ReadRow& row : rows)
      if (row.code == code) return row.read;
  return nullptr;
}

}  // namespace bantam
