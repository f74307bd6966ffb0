// SPDX-License-Identifier: Apache-2.0
// Types of values in a MIL program, with their names and numbers.
#pragma once

#include <cstdint>

#include "ir/tensor.h"

namespace bantam::coreml {

enum class Element { text, boolean, f16, f32, i4, i8, i32, u1, u2, u3, u4, u6, u8, u32 };

struct Type {
  Element element = Element::f32;
  Shape dims;
  bool operator==(const Type&) const = default;
};

// Bits that an element takes in the file.
int bits_of(Element e);
// The name in programs: "fp32", "int8", ...
const char* name_of(Element e);
// The number in weight.bin; 0 for what has none.
uint32_t blob_number(Element e);
// The number in the model file.
int proto_number(Element e);
inline bool is_real(Element e) { return e == Element::f16 || e == Element::f32; }
// The unsigned type of 1, 2, 3, 4, 6 or 8 bits.
Element unsigned_of(int bits);

}  // namespace bantam::coreml
