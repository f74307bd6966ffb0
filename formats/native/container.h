// SPDX-License-Identifier: Apache-2.0
// The frame of a .btm file: header, table of contents, sections, and PACK around the small ones.
#pragma once

#include "formats/native/constants.h"
#include "formats/native/write.h"

namespace bantam {

struct Section {
  uint32_t name, flags;
  std::string owner;  // of its bytes in the size map
  Bytes bytes;
};

// `sections` are all but QPRM, TENS and WGHT, which are made of the constants. Codec::best packs them. Empty
// ones are left out.
Result<NativeFile> assemble(std::vector<Section> sections, const Constants& constants, Codec codec);

}  // namespace bantam
