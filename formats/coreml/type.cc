// SPDX-License-Identifier: Apache-2.0
#include "formats/coreml/type.h"

#include "formats/coreml/proto.h"

namespace bantam::coreml {
namespace {

struct Row {
  Element element;
  const char* name;
  int bits;
  uint32_t blob;
  proto::DataType number;
};

constexpr Row kRows[] = {
    {Element::text, "string", 0, 0, proto::STRING},     {Element::boolean, "bool", 8, 0, proto::BOOL},
    {Element::f16, "fp16", 16, 1, proto::FLOAT16},      {Element::f32, "fp32", 32, 2, proto::FLOAT32},
    {Element::i4, "int4", 4, 8, proto::INT4},           {Element::i8, "int8", 8, 4, proto::INT8},
    {Element::i32, "int32", 32, 14, proto::INT32},      {Element::u1, "uint1", 1, 9, proto::UINT1},
    {Element::u2, "uint2", 2, 10, proto::UINT2},        {Element::u3, "uint3", 3, 12, proto::UINT3},
    {Element::u4, "uint4", 4, 11, proto::UINT4},        {Element::u6, "uint6", 6, 13, proto::UINT6},
    {Element::u8, "uint8", 8, 3, proto::UINT8},         {Element::u32, "uint32", 32, 15, proto::UINT32},
};

const Row& row_of(Element e) { return kRows[static_cast<size_t>(e)]; }

}  // namespace

int bits_of(Element e) { return row_of(e).bits; }
const char* name_of(Element e) { return row_of(e).name; }
uint32_t blob_number(Element e) { return row_of(e).blob; }
int proto_number(Element e) { return row_of(e).number; }

Element unsigned_of(int bits) {
  for (const Element e : {Element::u1, Element::u2, Element::u3, Element::u4, Element::u6})
    if (bits_of(e) == bits) return e;
  return Element::u8;
}

}  // namespace bantam::coreml
