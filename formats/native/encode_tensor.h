// SPDX-License-Identifier: Apache-2.0
// The smallest lossless form of one constant: every mapping and coding of runtime/layout.h that fits is
// tried, and the shortest wins (the simpler one where two are equal).
#pragma once

#include <string>
#include <vector>

#include "ir/quant.h"
#include "ir/tensor.h"
#include "runtime/layout.h"

namespace bantam {

enum class Codec {
  none,  // raw elements, aligned: a device maps them and decodes nothing
  pack,  // fixed-width bits, palettes and bitmaps: small and quick to decode
  best,  // entropy coded as well
};

struct EncodedTensor {
  bt_mapping mapping = BT_MAP_RAW;
  bt_coding coding = BT_CODE_STORED;
  int64_t low = 0;
  int bits = 0;
  uint32_t sparse_zero = 0;
  std::vector<uint8_t> book;  // elements of all palettes
  uint32_t book_entries = 0;  // of one palette
  int64_t book_span = 0;      // elements that share a palette; 0: all
  std::vector<uint8_t> bytes;
  // For the report: "raw f32", "8 bit, rANS", "palette of 16, 4 bit", ...
  std::string description;
};

// `quant` says how a float tensor's values lie on a grid (weights that are stored in fewer bits); for
// integer tensors it is not needed.
EncodedTensor encode_tensor(const Tensor& tensor, const Quant* quant, Codec codec);

}  // namespace bantam
