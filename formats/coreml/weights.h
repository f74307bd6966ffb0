// SPDX-License-Identifier: Apache-2.0
// The file weights/weight.bin of a package: constants one behind the other, each with a record of 64 bytes
// that says its type and place. Programs name a constant by the offset of its record.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "base/hash.h"
#include "formats/coreml/type.h"

namespace bantam::coreml {

// Numbers of `bits` bits (the low ones of each element) as one stream, first bits low; the last byte is
// filled up with zeros.
std::vector<uint8_t> pack_bits(std::span<const uint8_t> numbers, int bits);

class WeightFile {
 public:
  WeightFile();
  // `data`: the elements as they lie in the file, packed where they have fewer than 8 bits. The same bytes of
  // the same type are stored once. Returns the offset that names them.
  uint64_t add(Element element, int64_t count, std::vector<uint8_t> data);
  std::vector<uint8_t> finish();
  uint64_t bytes() const { return file_.size(); }

 private:
  std::vector<uint8_t> file_;
  std::map<std::tuple<Element, int64_t, Hash>, uint64_t> offsets_;  // by type, number of elements, and content
};

}  // namespace bantam::coreml
